/// A JSON value (RFC 8259) that keeps what a client wrote: members in their order, numbers digit by digit.
public indirect enum JSON: Sendable {
    case null
    case bool(Bool)
    /// The number as it is written.
    case number(String)
    case string(String)
    case array([JSON])
    case object([Member])
    /// The text of a value, to be written as it is. Never comes of reading.
    case verbatim(JSONText)

    /// One name and its value.
    public struct Member: Sendable {
        /// The name.
        public var name: String
        /// The value.
        public var value: JSON

        /// A member as given.
        public init(name: String, value: JSON) {
            self.name = name
            self.value = value
        }
    }

    /// A whole number.
    public static func integer(_ value: some BinaryInteger) -> JSON { .number(String(value)) }

    /// A string; null for none.
    public static func text(_ value: String?) -> JSON { value.map(JSON.string) ?? .null }

    /// What the value is, for messages.
    public var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        case .verbatim: "a text"
        }
    }
}

extension JSON: ExpressibleByDictionaryLiteral {
    /// An object with these members in this order.
    public init(dictionaryLiteral members: (String, JSON)...) {
        self = .object(members.map { Member(name: $0.0, value: $0.1) })
    }
}

extension JSON: Equatable {
    /// By what is written: two strings are equal if their bytes are.
    public static func == (one: JSON, other: JSON) -> Bool { one.text.utf8.elementsEqual(other.text.utf8) }
}

extension JSON {
    /// The shortest text that says the same.
    public var text: String {
        var text = ""
        write(into: &text)
        return text
    }

    /// Adds the text to another.
    public func write(into text: inout String) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .number(let digits): text += digits
        case .string(let value): Self.write(value, into: &text)
        case .verbatim(let value): text += value.text
        case .array(let values):
            text += "["
            for (index, value) in values.enumerated() {
                if index > 0 { text += "," }
                value.write(into: &text)
            }
            text += "]"
        case .object(let members):
            text += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { text += "," }
                Self.write(member.name, into: &text)
                text += ":"
                member.value.write(into: &text)
            }
            text += "}"
        }
    }

    /// The text on several lines, for people: each level is indented by two spaces.
    public var indentedText: String { indentedText(by: "") }

    private func indentedText(by indentation: String) -> String {
        let inner = indentation + "  "
        switch self {
        case .array(let items) where !items.isEmpty:
            let lines = items.map { inner + $0.indentedText(by: inner) }
            return "[\n" + lines.joined(separator: ",\n") + "\n" + indentation + "]"
        case .object(let members) where !members.isEmpty:
            let lines = members.map { inner + Self.quoted($0.name) + ": " + $0.value.indentedText(by: inner) }
            return "{\n" + lines.joined(separator: ",\n") + "\n" + indentation + "}"
        default:
            return text
        }
    }

    /// A string as it stands in a text, quotes included. What a terminal would obey is escaped too.
    public static func quoted(_ value: String) -> String {
        var text = ""
        write(value, into: &text)
        return text
    }

    private static func write(_ value: String, into text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let hex = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - hex.utf8.count) + hex
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
