/// What the host knows of a plugin before it creates a store.
public struct PluginDescription: Sendable {
    /// Letters, digits, `-` and `_`, a letter first; the library is `lib<name>.so`.
    public var name: String
    /// The plugin's own version, by semver.org.
    public var version: String
    /// Who makes it.
    public var vendor: String
    /// An SPDX identifier.
    public var license: String
    /// Where to read more.
    public var url: String
    /// One sentence.
    public var summary: String
    /// The loosest threading that any store of it will declare.
    public var threading: Threading
    /// What the configuration file may say.
    public var options: [OptionDeclaration]

    /// Describes a plugin.
    public init(
        name: String, version: String, vendor: String = "", license: String = "", url: String = "",
        summary: String, threading: Threading, options: [OptionDeclaration]
    ) {
        self.name = name
        self.version = version
        self.vendor = vendor
        self.license = license
        self.url = url
        self.summary = summary
        self.threading = threading
        self.options = options
    }
}
