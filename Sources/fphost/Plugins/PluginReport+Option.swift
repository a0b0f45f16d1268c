import FPFormats

extension PluginReport {
    /// A row of the plugin's option table.
    struct Option: Codable {
        var key: String
        var type: String
        var required: Bool
        var secret: Bool
        var advanced: Bool
        var deprecated: Bool
        var `default`: String?
        var choices: [String]
        /// Of a number, a size in bytes or a duration in milliseconds.
        var min: Int64?
        var max: Int64?
        var help: String

        init(_ option: OptionSchema) {
            key = option.key
            type = option.type.word
            required = option.isRequired
            secret = option.isSecret
            advanced = option.flags.contains(.advanced)
            deprecated = option.flags.contains(.deprecated)
            `default` = option.defaultText
            choices = option.choices
            min = option.bounds?.min
            max = option.bounds?.max
            help = option.help
        }

        /// The bounds in the words that a configuration would use; empty without any.
        var range: String {
            guard let min, let max else { return "" }
            return "\(text(min)) to \(text(max))"
        }

        private func text(_ value: Int64) -> String {
            switch type {
            case "size": Quantity.size.text(value)
            case "duration": Quantity.duration.text(value)
            default: "\(value)"
            }
        }
    }
}

extension OptionSchema.ValueType {
    /// What an operator calls it.
    fileprivate var word: String {
        switch self {
        case .string: "string"
        case .bool: "bool"
        case .int: "int"
        case .float: "float"
        case .size: "size"
        case .duration: "duration"
        case .choice: "enum"
        case .path: "path"
        case .url: "url"
        case .stringList: "string_list"
        case .stringMap: "string_map"
        case .unknown(let number): "type \(number)"
        }
    }
}
