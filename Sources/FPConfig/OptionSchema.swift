import FPFormats

/// One key that a map of settings may have: an option of a storage plugin, or a setting of the host itself.
///
/// It says in Swift what `fp_option` of fp_plugin.h says in C; numbers and bits are the same.
public struct OptionSchema: Sendable, Equatable {
    /// How a value is written and what it stands for.
    public enum ValueType: UInt32, Sendable, CaseIterable {
        /// Any text.
        case string = 1
        /// `true` or `false`.
        case bool = 2
        /// A whole number.
        case int = 3
        /// A finite number.
        case float = 4
        /// `8MiB`, in bytes.
        case size = 5
        /// `30s`, in milliseconds.
        case duration = 6
        /// One of `choices`.
        case choice = 7
        /// A path, made absolute.
        case path = 8
        /// An absolute URL.
        case url = 9
        /// A list of texts; one text stands for a list of one.
        case stringList = 10
        /// Texts by name.
        case stringMap = 11
    }

    /// What else is to be known about a key.
    public struct Flags: OptionSet, Sendable {
        /// The bits of `fp_option.flags`.
        public let rawValue: UInt32

        /// Flags from the bits of `fp_option.flags`; unknown bits have no effect.
        public init(rawValue: UInt32) {
            self.rawValue = rawValue
        }

        /// There is no default: the key has to be given.
        public static let required = Flags(rawValue: 1)
        /// Never shown; may be given as `file:PATH` or `env:NAME`.
        public static let secret = Flags(rawValue: 2)
        /// Few need it.
        public static let advanced = Flags(rawValue: 4)
        /// Still understood; the operator is told to stop using it.
        public static let deprecated = Flags(rawValue: 8)
    }

    /// The name, with dots where it is nested: `tls.ca_file`.
    public var key: String
    /// How the value is written.
    public var type: ValueType
    /// What else is to be known.
    public var flags: Flags
    /// What holds if the file does not say, as the file would say it. Of a list the items, of a map `name=value`,
    /// separated by commas.
    public var defaultText: String?
    /// The values of a `.choice`.
    public var choices: [String]
    /// The smallest value of a number, size (bytes) or duration (ms); no bound if `max` is 0 too.
    public var min: Int64
    /// The largest value, likewise.
    public var max: Int64
    /// What the key is for; the first sentence is a summary.
    public var help: String

    /// A key, with the members that `fp_option` has.
    public init(
        key: String,
        type: ValueType,
        flags: Flags = [],
        defaultText: String? = nil,
        choices: [String] = [],
        min: Int64 = 0,
        max: Int64 = 0,
        help: String = ""
    ) {
        self.key = key
        self.type = type
        self.flags = flags
        self.defaultText = defaultText
        self.choices = choices
        self.min = min
        self.max = max
        self.help = help
    }

    var isSecret: Bool { flags.contains(.secret) }

    /// The names that lead to the value, one per level.
    var segments: [String] {
        key.parts(at: ".").map(String.init)
    }

    /// What the value has to be, for a sentence.
    var expectation: String {
        switch type {
        case .string: "a text"
        case .bool: "true or false"
        case .int: "a whole number"
        case .float: "a number such as 0.5"
        case .size: ByteCount.syntax.what
        case .duration: TimeSpan.syntax.what
        case .choice: alternatives(choices)
        case .path: "a path"
        case .url: "a URL such as https://files.example.org"
        case .stringList: "a list of texts"
        case .stringMap: "a map of texts"
        }
    }
}
