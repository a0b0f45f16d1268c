import FPFormats

/// A JSON value (RFC 8259) whose members keep their order, for output that people read.
indirect enum JSONValue {
    case string(String)
    /// As it is to be written.
    case number(String)
    case bool(Bool)
    case array([JSONValue])
    case object([(String, JSONValue)])

    /// The value as JSON text, indented by two spaces for each level.
    func text(indentation: String = "") -> String {
        let inner = indentation + "  "
        switch self {
        case .string(let text): return JSON.quoted(text)
        case .number(let text): return text
        case .bool(let value): return value ? "true" : "false"
        case .array(let items) where items.isEmpty: return "[]"
        case .object(let members) where members.isEmpty: return "{}"
        case .array(let items):
            let lines = items.map { inner + $0.text(indentation: inner) }
            return "[\n" + lines.joined(separator: ",\n") + "\n" + indentation + "]"
        case .object(let members):
            let lines = members.map { inner + JSON.quoted($0.0) + ": " + $0.1.text(indentation: inner) }
            return "{\n" + lines.joined(separator: ",\n") + "\n" + indentation + "}"
        }
    }
}
