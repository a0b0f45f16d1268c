import FPFormats

/// The members of a JSON object that a request may have, taken out one by one.
struct JSONFields {
    /// What is wrong with a body, in one sentence that names the member.
    struct Complaint: Error, Equatable {
        var sentence: String
    }

    private var rest: [TextKey: JSON] = [:]
    private var order: [String] = []

    /// - Throws: If the value is no object or has a member twice.
    init(_ value: JSON) throws(Complaint) {
        guard case .object(let members) = value else {
            throw Complaint(sentence: "The body must be a JSON object, not \(value.kind).")
        }
        for member in members {
            guard rest.updateValue(member.value, forKey: TextKey(member.name)) == nil else {
                throw Complaint(sentence: "The member \"\(Self.shown(member.name))\" is there twice.")
            }
            order.append(member.name)
        }
    }

    /// A string that must be there.
    mutating func string(_ name: String) throws(Complaint) -> String {
        guard let value = try optionalString(name) else {
            throw Complaint(sentence: "The member \"\(name)\" is missing; it must be a string.")
        }
        return value
    }

    /// A string; `nil` if it is absent or null.
    mutating func optionalString(_ name: String) throws(Complaint) -> String? {
        switch take(name) {
        case nil, .null: return nil
        case .string(let value): return value
        case let other?: throw Complaint(sentence: "The member \"\(name)\" must be a string, not \(other.kind).")
        }
    }

    /// A boolean; `nil` if it is absent or null.
    mutating func optionalBool(_ name: String) throws(Complaint) -> Bool? {
        switch take(name) {
        case nil, .null: return nil
        case .bool(let value): return value
        case let other?: throw Complaint(sentence: "The member \"\(name)\" must be true or false, not \(other.kind).")
        }
    }

    /// An array of strings; `nil` if it is absent or null.
    mutating func optionalStrings(_ name: String) throws(Complaint) -> [String]? {
        switch take(name) {
        case nil, .null: return nil
        case .array(let values):
            var strings: [String] = []
            for (index, value) in values.enumerated() {
                guard case .string(let string) = value else {
                    throw Complaint(
                        sentence: "The member \"\(name)\" must hold strings, not \(value.kind) (at index \(index)).")
                }
                strings.append(string)
            }
            return strings
        case let other?:
            throw Complaint(sentence: "The member \"\(name)\" must be an array of strings, not \(other.kind).")
        }
    }

    /// One of a few words; `nil` if it is absent or null.
    mutating func optionalChoice<Choice: RawRepresentable<String> & CaseIterable>(
        _ name: String
    ) throws(Complaint) -> Choice? {
        guard let word = try optionalString(name) else { return nil }
        guard let choice = Choice.allCases.first(where: { $0.rawValue.isSame(as: word) }) else {
            let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw Complaint(sentence: "The member \"\(name)\" is \"\(Self.shown(word))\"; it may be one of: \(known).")
        }
        return choice
    }

    /// A whole number above 0; `nil` if it is absent or null.
    mutating func optionalCount(_ name: String) throws(Complaint) -> UInt64? {
        let value = take(name)
        if value == nil || value == .null { return nil }
        guard case .number(let digits) = value, let count = UInt64(digits), count > 0 else {
            throw Complaint(sentence: "The member \"\(name)\" must be a whole number above 0.")
        }
        return count
    }

    /// - Throws: If there is a member that was not taken out.
    func finish(known: [String]) throws(Complaint) {
        guard let name = order.first(where: { rest[TextKey($0)] != nil }) else { return }
        let names = known.map { "\"\($0)\"" }.joined(separator: ", ")
        throw Complaint(sentence: "The member \"\(Self.shown(name))\" is not known here; known are \(names).")
    }

    private mutating func take(_ name: String) -> JSON? { rest.removeValue(forKey: TextKey(name)) }

    /// A client's own text, short enough to be shown back.
    private static func shown(_ name: String) -> String {
        name.unicodeScalars.count <= 40 ? name : String(Substring(name.unicodeScalars.prefix(40))) + "…"
    }
}
