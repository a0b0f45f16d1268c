import FPStorage

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

        init(_ option: PluginOption) {
            key = option.key
            type = option.type.word
            required = option.isRequired
            secret = option.isSecret
            advanced = option.isAdvanced
            deprecated = option.isDeprecated
            `default` = option.defaultText
            choices = option.choices
            min = option.min
            max = option.max
            help = option.help
        }

        /// The bounds in the words that a configuration would use; empty without any.
        var range: String {
            guard let min, let max else { return "" }
            return "\(text(min)) to \(text(max))"
        }

        private func text(_ value: Int64) -> String {
            let units: [(String, Int64)] =
                switch type {
                case "size": [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)]
                case "duration": [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)]
                default: [("", 1)]
                }
            let (name, size) = units.first { value != 0 && value % $0.1 == 0 } ?? units[units.count - 1]
            return "\(value / size)\(name)"
        }
    }
}

extension PluginOption.ValueType {
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
