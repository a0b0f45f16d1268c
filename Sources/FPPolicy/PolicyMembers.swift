import FPFormats

/// The members of a policy's JSON, taken out one by one.
struct PolicyMembers {
    /// Far beyond every date that anybody means: the end of the year 9999.
    private static let lastSecond: Int64 = 253_402_300_799
    /// The most bytes of a text.
    private static let longestText = 1024
    /// The most texts of a list.
    private static let longestList = 100

    private var members: [TextKey: JSON] = [:]

    /// - Throws: ``PolicyError`` if it is no object, or has a member twice.
    init(_ json: JSON) throws(PolicyError) {
        guard case .object(let list) = json else { throw .malformed("its payload is no JSON object") }
        for member in list {
            guard members.updateValue(member.value, forKey: TextKey(member.name)) == nil else {
                throw PolicyError("The upload policy has its member \(quoted(member.name)) twice.")
            }
        }
    }

    /// A moment in seconds since 1970; `nil` if there is no such member.
    mutating func seconds(_ name: TextKey) throws(PolicyError) -> Int64? {
        try integer(name, 0...Self.lastSecond)
    }

    /// A whole number in digits alone.
    mutating func integer(_ name: TextKey, _ range: ClosedRange<Int64>) throws(PolicyError) -> Int64? {
        guard let value = members.removeValue(forKey: name) else { return nil }
        guard case .number(let digits) = value, digits.utf8.allSatisfy(\.isASCIIDigit), let number = Int64(digits),
            range.contains(number)
        else {
            throw .member(
                name.text, "must be a whole number from \(range.lowerBound) to \(range.upperBound), not \(value.shown)")
        }
        return number
    }

    /// A text.
    mutating func text(_ name: TextKey) throws(PolicyError) -> String? {
        guard let value = members.removeValue(forKey: name) else { return nil }
        return try Self.text(value, in: name)
    }

    /// A list of texts, with at least one.
    mutating func texts(_ name: TextKey) throws(PolicyError) -> [String]? {
        guard let value = members.removeValue(forKey: name) else { return nil }
        guard case .array(let items) = value, (1...Self.longestList).contains(items.count) else {
            throw .member(name.text, "must be a list of 1 to \(Self.longestList) texts, not \(value.shown)")
        }
        var texts: [String] = []
        for item in items { texts.append(try Self.text(item, in: name)) }
        return texts
    }

    /// Refuses what has not been taken out.
    func finish() throws(PolicyError) {
        guard let name = members.keys.map(\.text).min() else { return }
        throw PolicyError(
            "The upload policy has the member \(quoted(name)), which this server does not know; "
                + "it might be a restriction.")
    }

    private static func text(_ value: JSON, in name: TextKey) throws(PolicyError) -> String {
        let isVisible: (Unicode.Scalar) -> Bool = { $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value) }
        guard case .string(let text) = value, (1...longestText).contains(text.utf8.count),
            text.unicodeScalars.allSatisfy(isVisible)
        else {
            throw .member(
                name.text,
                "must be a text of 1 to \(longestText) bytes without control characters, not \(value.shown)")
        }
        return text
    }
}

extension JSON {
    /// For a sentence: the value if it is short, else what it is.
    fileprivate var shown: String {
        let text = self.text
        return text.utf8.count <= 40 ? visible(text) : kind
    }
}
