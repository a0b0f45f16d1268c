import FPFormats

/// A plugin's options as JSON Schema (draft 2020-12), in the order of its table; a dotted key is a member of a mapping.
struct OptionsSchema {
    private let report: PluginReport

    init(_ report: PluginReport) {
        self.report = report
    }

    /// The schema as JSON text.
    var text: String {
        var members = [
            Self.member("$schema", "https://json-schema.org/draft/2020-12/schema"),
            Self.member("title", "Options of \(report.name) \(report.version)"),
        ]
        if !report.summary.isEmpty { members.append(Self.member("description", report.summary)) }
        return JSON.object(members + Self.mapping(of: report.options, under: "")).indentedText
    }

    private static func member(_ name: String, _ text: String) -> JSON.Member {
        JSON.Member(name: name, value: .string(text))
    }

    private static func mapping(of options: [PluginReport.Option], under prefix: String) -> [JSON.Member] {
        var properties: [JSON.Member] = []
        var required: [JSON] = []
        for option in options {
            let rest = option.key.without(prefix: prefix) ?? ""
            let name = String(rest.parts(at: ".")[0])
            if properties.contains(where: { $0.name.isSame(as: name) }) { continue }
            if rest.has(".") {
                let inner = prefix + name + "."
                let members = options.filter { $0.key.begins(with: inner) }
                properties.append(JSON.Member(name: name, value: .object(mapping(of: members, under: inner))))
                if members.contains(where: \.required) { required.append(.string(name)) }
            } else {
                properties.append(JSON.Member(name: name, value: property(option)))
                if option.required { required.append(.string(name)) }
            }
        }
        var result = [member("type", "object"), JSON.Member(name: "properties", value: .object(properties))]
        if !required.isEmpty { result.append(JSON.Member(name: "required", value: .array(required))) }
        return result + [JSON.Member(name: "additionalProperties", value: .bool(false))]
    }

    private static func property(_ option: PluginReport.Option) -> JSON {
        var members = type(of: option)
        if !option.help.isEmpty { members.append(member("description", option.help)) }
        if let text = option.default {
            members.append(JSON.Member(name: "default", value: defaultValue(text, option)))
        }
        if option.deprecated { members.append(JSON.Member(name: "deprecated", value: .bool(true))) }
        if option.secret { members.append(JSON.Member(name: "writeOnly", value: .bool(true))) }
        return .object(members)
    }

    private static func type(of option: PluginReport.Option) -> [JSON.Member] {
        func bounded(_ type: String) -> [JSON.Member] {
            [member("type", type)]
                + [("minimum", option.min), ("maximum", option.max)].compactMap { name, bound in
                    bound.map { JSON.Member(name: name, value: .integer($0)) }
                }
        }
        let text: JSON = ["type": .string("string")]
        switch option.type {
        case "bool": return [member("type", "boolean")]
        case "int": return bounded("integer")
        case "float": return [member("type", "number")]
        // A plain number is bytes; with a unit it is a text, whose bounds a schema cannot express.
        case "size":
            let forms: [JSON] = [.object(bounded("integer")), .object(pattern(Quantity.size.pattern))]
            return [JSON.Member(name: "anyOf", value: .array(forms))]
        case "duration": return pattern(Quantity.duration.pattern)
        case "enum": return [JSON.Member(name: "enum", value: .array(option.choices.map { .string($0) }))]
        case "url": return [member("type", "string"), member("format", "uri")]
        case "string_list": return [member("type", "array"), JSON.Member(name: "items", value: text)]
        case "string_map": return [member("type", "object"), JSON.Member(name: "additionalProperties", value: text)]
        default: return [member("type", "string")]
        }
    }

    private static func pattern(_ expression: String) -> [JSON.Member] {
        [member("type", "string"), member("pattern", expression)]
    }

    private static func defaultValue(_ text: String, _ option: PluginReport.Option) -> JSON {
        switch option.type {
        case "bool": .bool(text == "true")
        case "int": (try? NumberSyntax.integer(text).get()).map { .integer($0) } ?? .string(text)
        case "float": (try? NumberSyntax.decimal(text).get()).map { .number("\($0)") } ?? .string(text)
        case "string_list": .array(OptionSchema.items(of: text).map { .string($0) })
        case "string_map":
            .object(OptionSchema.members(of: text).map { JSON.Member(name: $0.name, value: .string($0.value)) })
        default: .string(text)
        }
    }
}
