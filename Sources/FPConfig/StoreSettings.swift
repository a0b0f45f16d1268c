import FPFormats

extension Settings {
    /// `stores.<name>`: one configured instance of a storage plugin.
    public struct Store: Sendable, Equatable {
        /// The key in `stores`.
        public var name: String
        /// Where the name stands in the file.
        public var position: ConfigPosition
        /// The library.
        public var plugin: PluginReference
        /// What the plugin is configured with, for ``ConfigSource/validate(options:against:store:)``; always a map.
        public var options: ConfigNode
        /// The SHA-256 that the library must have, in lower-case hexadecimal.
        public var sha256: String?
        /// Calls that may be under way at once; nil for what the plugin asks for.
        public var threads: Int?
        /// Calls that may wait; nil for the host's choice.
        public var queue: Int?
        /// How long one call may take.
        public var deadline: Duration
        /// The same for a call whose time grows with the file; at least ``deadline``.
        public var longDeadline: Duration
        /// How clients get a file's bytes.
        public var downloads: Downloads

        /// How clients get a file's bytes.
        public enum Downloads: String, Sendable, CaseIterable {
            /// Through the host.
            case proxy
            /// From the storage itself, to which the host sends them with a URL.
            case redirect
        }
    }

    /// How the file names a plugin.
    public enum PluginReference: Sendable, Hashable {
        /// `lib<Name>.so` in the plugin directory.
        case name(String)
        /// The absolute path of a file that exists.
        case path(String)
    }

    /// The options of a store, checked against its plugin's table.
    ///
    /// - Parameters:
    ///   - store: the name of a store in `stores`.
    ///   - schema: the plugin's table.
    /// - Returns: nil if there is no such store.
    public func options(ofStore store: String, against schema: [OptionSchema]) -> Result<CheckedOptions, ConfigErrors>?
    {
        stores[store].map { source.validate(options: $0.options, against: schema, store: store) }
    }
}
