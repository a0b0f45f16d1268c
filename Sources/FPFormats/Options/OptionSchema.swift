/// One key that a map of settings may have: an option of a storage plugin, or a setting of the host itself.
///
/// It says in Swift what `fp_option` of fp_plugin.h says in C; numbers and bits are the same.
public struct OptionSchema: Sendable, Equatable {
    /// How a value is written and what it stands for: `FP_T_*`.
    public enum ValueType: Sendable, Equatable {
        /// Any text.
        case string
        /// `true` or `false`.
        case bool
        /// A whole number.
        case int
        /// A finite number.
        case float
        /// `8MiB`, in bytes.
        case size
        /// `30s`, in milliseconds.
        case duration
        /// One of `choices`.
        case choice
        /// A path, made absolute.
        case path
        /// An absolute URL.
        case url
        /// A list of texts; one text stands for a list of one.
        case stringList
        /// Texts by name.
        case stringMap
        /// A type that this host does not know, taken as a text; only plugins for a newer host have it.
        case unknown(UInt32)

        /// The type with a number of `fp_option.type`.
        public init(number: UInt32) {
            self = number > 0 && number <= Self.known.count ? Self.known[Int(number) - 1] : .unknown(number)
        }

        /// In the order of their numbers, the first of which is 1.
        public static let known: [ValueType] = [
            .string, .bool, .int, .float, .size, .duration, .choice, .path, .url, .stringList, .stringMap,
        ]
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
    /// separated by commas; see ``items(of:)`` and ``members(of:)``.
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
        _ key: String,
        _ type: ValueType,
        _ flags: Flags = [],
        default defaultText: String? = nil,
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

    /// Whether the key has to be given.
    public var isRequired: Bool { flags.contains(.required) }
    /// Whether the value must never be shown.
    public var isSecret: Bool { flags.contains(.secret) }

    /// The smallest and the largest value; nil without bounds.
    public var bounds: (min: Int64, max: Int64)? { min == 0 && max == 0 ? nil : (min, max) }

    /// Whether any text is a value, so that a reference to a secret may stand in its place.
    public var isText: Bool {
        switch type {
        case .string, .unknown: true
        default: false
        }
    }

    /// What the value has to be, for a sentence.
    public var expectation: String {
        switch type {
        case .string, .unknown: "a text"
        case .bool: "true or false"
        case .int: "a whole number"
        case .float: "a number such as 0.5"
        case .size: Quantity.size.what
        case .duration: Quantity.duration.what
        case .choice: alternatives(choices)
        case .path: "a path"
        case .url: "a URL such as https://files.example.org"
        case .stringList: "a list of texts"
        case .stringMap: "a map of texts"
        }
    }
}
