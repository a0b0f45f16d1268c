import FPPluginAPI

/// One option that a plugin takes: a row of its option table.
public struct PluginOption: Sendable, Equatable {
    /// What values an option takes: `FP_T_*`.
    public enum ValueType: Sendable, Equatable {
        /// Any text.
        case string
        /// `true` or `false`.
        case bool
        /// A whole number.
        case int
        /// A number.
        case float
        /// Bytes, as `8MiB`.
        case size
        /// Milliseconds, as `30s`.
        case duration
        /// One of ``PluginOption/choices``.
        case choice
        /// A path, made absolute.
        case path
        /// A URL.
        case url
        /// A list of texts.
        case stringList
        /// A map of texts.
        case stringMap
        /// A type that this host does not know; only plugins for a newer host have it.
        case unknown(UInt32)
    }

    /// The option's name, a dotted path: `bucket`, `tls.ca_file`.
    public var key: String
    /// What values it takes.
    public var type: ValueType
    /// Whether the configuration must have it.
    public var isRequired: Bool
    /// Whether its value must never be shown.
    public var isSecret: Bool
    /// Whether most operators never need it.
    public var isAdvanced: Bool
    /// Whether it will go away.
    public var isDeprecated: Bool
    /// The value where the configuration has none.
    public var defaultText: String?
    /// The values of a `.choice`.
    public var choices: [String]
    /// The least value of a number, size (bytes) or duration (milliseconds).
    public var min: Int64?
    /// The greatest value of a number, size (bytes) or duration (milliseconds).
    public var max: Int64?
    /// What it is for; the first sentence is the summary.
    public var help: String

    /// Makes an option.
    public init(
        key: String, type: ValueType, isRequired: Bool = false, isSecret: Bool = false, isAdvanced: Bool = false,
        isDeprecated: Bool = false, defaultText: String? = nil, choices: [String] = [], min: Int64? = nil,
        max: Int64? = nil, help: String = ""
    ) {
        self.key = key
        self.type = type
        self.isRequired = isRequired
        self.isSecret = isSecret
        self.isAdvanced = isAdvanced
        self.isDeprecated = isDeprecated
        self.defaultText = defaultText
        self.choices = choices
        self.min = min
        self.max = max
        self.help = help
    }
}

extension PluginOption {
    /// Reads a row of a plugin's table, whose strings live as long as the process.
    init(_ row: fp_option) {
        self.init(
            key: row.key.map { String(cString: $0) } ?? "",
            type: ValueType(row.type),
            isRequired: row.flags & FP_OPT_REQUIRED != 0,
            isSecret: row.flags & FP_OPT_SECRET != 0,
            isAdvanced: row.flags & FP_OPT_ADVANCED != 0,
            isDeprecated: row.flags & FP_OPT_DEPRECATED != 0,
            defaultText: row.default_text.map { String(cString: $0) },
            choices: row.choices.map { String(cString: $0).split(separator: "|").map(String.init) } ?? [],
            min: row.min == 0 && row.max == 0 ? nil : row.min,
            max: row.min == 0 && row.max == 0 ? nil : row.max,
            help: row.help.map { String(cString: $0) } ?? "")
    }

    /// What is wrong with the row itself, if anything: each as a sentence's end, "option \"x\" ...".
    func defect(hostKnowsAllTypes: Bool) -> String? {
        let segments = key.split(separator: ".", omittingEmptySubsequences: false)
        if !segments.allSatisfy(Self.isName) {
            return "has a key that is not made of letters, digits, '_' and '-' with dots between"
        }
        if case .unknown(let raw) = type, hostKnowsAllTypes {
            return "has type \(raw), where FP_T_STRING (1) to FP_T_STRING_MAP (11) are expected"
        }
        if type == .choice, choices.isEmpty { return "is an FP_T_ENUM without choices" }
        if let min, let max, min > max { return "has a least value, \(min), above its greatest, \(max)" }
        if isRequired, defaultText != nil { return "is required and yet has a default" }
        if let defaultText, case .failure(let complaint) = value(of: defaultText) {
            return "has the default \"\(defaultText)\", which it does not take: it \(complaint.message)"
        }
        return nil
    }

    private static func isName(_ segment: Substring) -> Bool {
        !segment.isEmpty
            && segment.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}

extension PluginOption.ValueType {
    init(_ raw: UInt32) {
        switch raw {
        case FP_T_STRING: self = .string
        case FP_T_BOOL: self = .bool
        case FP_T_INT: self = .int
        case FP_T_FLOAT: self = .float
        case FP_T_SIZE: self = .size
        case FP_T_DURATION: self = .duration
        case FP_T_ENUM: self = .choice
        case FP_T_PATH: self = .path
        case FP_T_URL: self = .url
        case FP_T_STRING_LIST: self = .stringList
        case FP_T_STRING_MAP: self = .stringMap
        default: self = .unknown(raw)
        }
    }
}
