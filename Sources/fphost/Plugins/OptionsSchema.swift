/// A plugin's options as JSON Schema (draft 2020-12), in the order of its table; a dotted key is a member of a mapping.
struct OptionsSchema {
    private let report: PluginReport

    init(_ report: PluginReport) {
        self.report = report
    }

    /// The schema as JSON text.
    var text: String {
        var members: [(String, JSONValue)] = [
            ("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
            ("title", .string("Options of \(report.name) \(report.version)")),
        ]
        if !report.summary.isEmpty { members.append(("description", .string(report.summary))) }
        return JSONValue.object(members + Self.mapping(of: report.options, under: "")).text()
    }

    private static func mapping(of options: [PluginReport.Option], under prefix: String) -> [(String, JSONValue)] {
        var properties: [(String, JSONValue)] = []
        var required: [JSONValue] = []
        for option in options {
            let rest = option.key.dropFirst(prefix.count)
            let name = String(rest.prefix { $0 != "." })
            let isGroup = name.count < rest.count
            if properties.contains(where: { $0.0 == name }) { continue }
            if isGroup {
                let inner = prefix + name + "."
                let members = options.filter { $0.key.hasPrefix(inner) }
                properties.append((name, .object(mapping(of: members, under: inner))))
                if members.contains(where: \.required) { required.append(.string(name)) }
            } else {
                properties.append((name, property(option)))
                if option.required { required.append(.string(name)) }
            }
        }
        var result: [(String, JSONValue)] = [("type", .string("object")), ("properties", .object(properties))]
        if !required.isEmpty { result.append(("required", .array(required))) }
        return result + [("additionalProperties", .bool(false))]
    }

    private static func property(_ option: PluginReport.Option) -> JSONValue {
        var members = type(of: option)
        if !option.help.isEmpty { members.append(("description", .string(option.help))) }
        if let text = option.default { members.append(("default", defaultValue(text, option))) }
        if option.deprecated { members.append(("deprecated", .bool(true))) }
        if option.secret { members.append(("writeOnly", .bool(true))) }
        return .object(members)
    }

    private static func type(of option: PluginReport.Option) -> [(String, JSONValue)] {
        func bounded(_ type: String) -> [(String, JSONValue)] {
            var members: [(String, JSONValue)] = [("type", .string(type))]
            if let min = option.min { members.append(("minimum", .number("\(min)"))) }
            if let max = option.max { members.append(("maximum", .number("\(max)"))) }
            return members
        }
        switch option.type {
        case "bool": return [("type", .string("boolean"))]
        case "int": return bounded("integer")
        case "float": return [("type", .string("number"))]
        // A plain number is bytes; with a unit it is a text, whose bounds a schema cannot express.
        case "size": return [("anyOf", .array([.object(bounded("integer")), .object(pattern(sizePattern))]))]
        case "duration": return pattern(durationPattern)
        case "enum": return [("enum", .array(option.choices.map { .string($0) }))]
        case "url": return [("type", .string("string")), ("format", .string("uri"))]
        case "string_list":
            return [("type", .string("array")), ("items", .object([("type", .string("string"))]))]
        case "string_map":
            return [("type", .string("object")), ("additionalProperties", .object([("type", .string("string"))]))]
        default: return [("type", .string("string"))]
        }
    }

    private static let sizePattern = #"^[0-9]+(\.[0-9]+)? ?([kKMGTP]i?)?B?$"#
    private static let durationPattern = #"^[0-9]+(\.[0-9]+)? ?(ms|s|m|h|d)$"#

    private static func pattern(_ expression: String) -> [(String, JSONValue)] {
        [("type", .string("string")), ("pattern", .string(expression))]
    }

    private static func defaultValue(_ text: String, _ option: PluginReport.Option) -> JSONValue {
        switch option.type {
        case "bool": .bool(text == "true")
        case "int" where Int64(text) != nil, "float" where Double(text)?.isFinite == true: .number(text)
        case "string_list": .array(text.split(separator: ",").map { .string(String($0)) })
        case "string_map": .object([])
        default: .string(text)
        }
    }
}
