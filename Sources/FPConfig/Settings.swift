import FPFormats

/// Everything that fphost.yaml says, checked and with defaults filled in.
///
/// Decoded once, at start; see ``load(file:environment:)``. docs/settings.md explains every key.
public struct Settings: Sendable, Equatable {
    /// Sockets, paths and limits of HTTP.
    public var server: Server
    /// Where plugins are.
    public var plugins: Plugins
    /// The name of the store that takes what the application stores; always one of `stores`.
    public var storagesBackend: String
    /// The configured stores by name; at least one.
    public var stores: [String: Store]
    /// The life of uploads.
    public var uploads: Uploads
    /// The database of uploads; `nil` where what the file says of it was refused.
    public var catalog: Catalog?
    /// The application API.
    public var api: API
    /// How visitors are known.
    public var authentication: Authentication
    /// Who may do what.
    public var permissions: Permissions
    /// Remote fetch.
    public var fetch: Fetch
    /// Who is told what becomes of uploads.
    public var events: Events
    /// Logging.
    public var log: Log
    /// What the file's texts are read against; checks the stores' options.
    public let source: ConfigSource
    /// What the operator should know although the settings are good, in the order of the file.
    public let warnings: [ConfigProblem]
    /// Every setting as text, in the order of docs/settings.md, for `fphost check`. Secrets are `***`.
    public let effective: [EffectiveValue]

    /// Where the file gives a key's value, for complaints that are found later.
    ///
    /// - Parameter key: the full name, as in `uploads.max_size` or `stores.media.plugin`, or a section such as `server`.
    /// - Returns: of a section, the place of the first value that is given in it; the whole file if none is.
    public func position(of key: String) -> ConfigPosition {
        let given = effective.filter { $0.key == key || $0.key.begins(with: key + ".") }.compactMap(\.position)
        return given.min() ?? ConfigPosition(file: source.file)
    }
}

/// One setting as it holds.
public struct EffectiveValue: Sendable, Equatable {
    /// The full name: `uploads.max_size`.
    public var key: String
    /// The value in YAML's flow style; `***` for a secret.
    public var text: String
    /// Where the file gives it; nil for a default.
    public var position: ConfigPosition?
}

extension Settings {
    /// A directory that the host can find by itself.
    public enum Location: Sendable, Equatable {
        /// Beside the installed or built host.
        case automatic
        /// An absolute path to a directory that exists.
        case path(String)
    }

    /// `plugins`: where plugins are.
    public struct Plugins: Sendable, Equatable {
        /// The directory of the `lib<Name>.so`.
        public var directory: Location
    }

    /// `catalog`: the database of uploads.
    public struct Catalog: Sendable, Equatable {
        /// `SCHEME:PATH`, with an absolute path, or `SCHEME://HOST…` as it was written, which may hold a password. Which
        /// schemes there are is for the catalog to say.
        public var url: Secret
    }

    /// `api`: the application API.
    public struct API: Sendable, Equatable {
        /// The bearer tokens that it accepts. Empty: it accepts nobody.
        public var tokens: [Token]
    }

    /// A bearer token of the application API.
    public enum Token: Sendable, Equatable {
        /// Given in the file or by an environment variable.
        case value(Secret)
        /// Kept in a file, which the host makes if it does not exist; an absolute path.
        case file(path: String)
    }

    /// `log`: logging.
    public struct Log: Sendable, Equatable {
        /// The least severe message that is logged.
        public enum Level: String, Sendable, CaseIterable {
            /// Every step.
            case trace
            /// What a developer of the host looks at.
            case debug
            /// What an operator looks at.
            case info
            /// Unusual but good.
            case notice
            /// Something that will become an error.
            case warning
            /// Something failed.
            case error
        }

        /// How a message is written.
        public enum Format: String, Sendable, CaseIterable {
            /// A line for people.
            case text
            /// A line of JSON.
            case json
        }

        /// The least severe message that is logged.
        public var level: Level
        /// How a message is written.
        public var format: Format

        /// Logging as a test wants it, or before there are settings.
        public init(level: Level, format: Format) {
            self.level = level
            self.format = format
        }
    }
}
