import FPPluginAPI

/// An option of the plugin: declared once, shown by the host in help and checks, read with `ConfigNode.value(of:)`.
public struct Option<Value: Sendable>: Sendable {
    /// What the host is told.
    public let declaration: OptionDeclaration
    /// The value if the file has none; nil if the option is required.
    let fallback: Value?
    let decode: @Sendable (ConfigNode) throws(OptionProblem) -> Value

    /// Turns the decoded value into another, or says why it cannot.
    ///
    /// The default passes through it as well, so it must be a good value; a default that is not is reported as a
    /// missing option.
    public func map<Other>(
        _ transform: @escaping @Sendable (Value) throws(OptionProblem) -> Other
    ) -> Option<Other> {
        let decode = decode
        return Option<Other>(
            declaration: declaration,
            fallback: fallback.flatMap { try? transform($0) },
            decode: { (node) throws(OptionProblem) in try transform(try decode(node)) }
        )
    }

    /// Marks the option as one that most configurations leave alone.
    public var advanced: Option { with(FP_OPT_ADVANCED) }

    /// Marks the option as one to move away from; `help` says to what.
    public var deprecated: Option { with(FP_OPT_DEPRECATED) }

    private func with(_ flag: UInt32) -> Option {
        var declaration = declaration
        declaration.flags |= flag
        return Option(declaration: declaration, fallback: fallback, decode: decode)
    }
}

/// Why the value of an option cannot be used, as the end of a sentence: "must be an octal number such as 0644".
public struct OptionProblem: Error, Sendable {
    /// The end of the sentence.
    public let reason: String
    /// Says why.
    public init(_ reason: String) { self.reason = reason }
}

/// The part of an option that fills the contract's option table.
public struct OptionDeclaration: Sendable {
    /// Dotted path: "bucket", "tls.ca_file".
    public let key: String
    /// One sentence for the summary, then as many as it takes.
    public let help: String
    let type: UInt32
    var flags: UInt32 = 0
    var defaultText: String?
    var choices: String?
    var bounds: ClosedRange<Int64>?
}

extension Option where Value == String {
    /// A text. Without `fallback` it is required.
    public static func string(_ key: String, default fallback: String? = nil, help: String) -> Option {
        text(FP_T_STRING, key, fallback, help)
    }

    /// A password, key or token: required, masked in logs; the host resolves `file:` and `${ENV}`.
    public static func secret(_ key: String, help: String) -> Option {
        text(FP_T_STRING, key, nil, help).with(FP_OPT_SECRET)
    }

    /// A path, made absolute by the host. Without `fallback` it is required.
    public static func path(_ key: String, default fallback: String? = nil, help: String) -> Option {
        text(FP_T_PATH, key, fallback, help)
    }

    /// A URL. Without `fallback` it is required.
    public static func url(_ key: String, default fallback: String? = nil, help: String) -> Option {
        text(FP_T_URL, key, fallback, help)
    }

    /// One of `choices`. Without `fallback` it is required.
    public static func choice(
        _ key: String, _ choices: [String], default fallback: String? = nil, help: String
    ) -> Option {
        var option = text(FP_T_ENUM, key, fallback, help)
        var declaration = option.declaration
        declaration.choices = choices.joined(separator: "|")
        option = Option(declaration: declaration, fallback: fallback) { (node) throws(OptionProblem) in
            guard choices.contains(node.text) else {
                throw OptionProblem("must be one of \(choices.joined(separator: ", "))")
            }
            return node.text
        }
        return option
    }

    /// The same option, not required: nil if the file has none.
    public var optional: Option<String?> {
        var declaration = declaration
        declaration.flags &= ~FP_OPT_REQUIRED
        declaration.defaultText = nil
        let decode = decode
        return Option<String?>(declaration: declaration, fallback: .some(nil)) { (node) throws(OptionProblem) in
            try decode(node)
        }
    }

    private static func text(_ type: UInt32, _ key: String, _ fallback: String?, _ help: String) -> Option {
        Option(
            declaration: OptionDeclaration(
                key: key, help: help, type: type, flags: fallback == nil ? FP_OPT_REQUIRED : 0, defaultText: fallback
            ),
            fallback: fallback,
            decode: { $0.text }
        )
    }
}

extension Option where Value == Bool {
    /// A flag.
    public static func bool(_ key: String, default fallback: Bool, help: String) -> Option {
        Option(
            declaration: OptionDeclaration(
                key: key, help: help, type: FP_T_BOOL, defaultText: fallback ? "true" : "false"
            ),
            fallback: fallback,
            decode: { $0.integer != 0 }
        )
    }
}

extension Option where Value == Int64 {
    /// A whole number.
    public static func integer(
        _ key: String, in bounds: ClosedRange<Int64>? = nil, default fallback: Int64, help: String
    ) -> Option {
        number(FP_T_INT, key, bounds, fallback, String(fallback), help)
    }

    /// A size in bytes, written as "8MiB".
    public static func size(
        _ key: String, in bounds: ClosedRange<Int64>? = nil, default fallback: Int64, help: String
    ) -> Option {
        number(FP_T_SIZE, key, bounds, fallback, Self.text(bytes: fallback), help)
    }

    fileprivate static func number(
        _ type: UInt32, _ key: String, _ bounds: ClosedRange<Int64>?, _ fallback: Int64, _ defaultText: String,
        _ help: String
    ) -> Option {
        Option(
            declaration: OptionDeclaration(
                key: key, help: help, type: type, defaultText: defaultText, bounds: bounds
            ),
            fallback: fallback,
            decode: { (node) throws(OptionProblem) in
                if let bounds, !bounds.contains(node.integer) {
                    throw OptionProblem("must lie between \(bounds.lowerBound) and \(bounds.upperBound)")
                }
                return node.integer
            }
        )
    }

    /// In the largest unit that divides the size.
    private static func text(bytes: Int64) -> String {
        let units: [(String, Int64)] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        for (name, size) in units where bytes != 0 && bytes % size == 0 { return "\(bytes / size)\(name)" }
        return "\(bytes)B"
    }
}

extension Option where Value == Duration {
    /// A time, written as "30s".
    public static func duration(
        _ key: String, in bounds: ClosedRange<Duration>? = nil, default fallback: Duration, help: String
    ) -> Option {
        func milliseconds(_ duration: Duration) -> Int64 {
            duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
        }
        let count = milliseconds(fallback)
        let text = count % 1000 == 0 ? "\(count / 1000)s" : "\(count)ms"
        let range = bounds.map { milliseconds($0.lowerBound)...milliseconds($0.upperBound) }
        return Option<Int64>.number(FP_T_DURATION, key, range, count, text, help).map { .milliseconds($0) }
    }
}

extension Option where Value == Double {
    /// A number with a fraction.
    public static func float(_ key: String, default fallback: Double, help: String) -> Option {
        Option(
            declaration: OptionDeclaration(key: key, help: help, type: FP_T_FLOAT, defaultText: "\(fallback)"),
            fallback: fallback,
            decode: { $0.number }
        )
    }
}

extension Option where Value == [String] {
    /// A list of texts, empty by default.
    public static func strings(_ key: String, help: String) -> Option {
        Option(
            declaration: OptionDeclaration(key: key, help: help, type: FP_T_STRING_LIST),
            fallback: [],
            decode: { $0.children.map(\.text) }
        )
    }
}

extension Option where Value == [String: String] {
    /// Named texts, none by default.
    public static func stringMap(_ key: String, help: String) -> Option {
        Option(
            declaration: OptionDeclaration(key: key, help: help, type: FP_T_STRING_MAP),
            fallback: [:],
            decode: { node in
                Dictionary(node.children.map { ($0.key, $0.text) }, uniquingKeysWith: { _, last in last })
            }
        )
    }
}
