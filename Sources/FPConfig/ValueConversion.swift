extension ValueReader {
    /// A text as the type that the key wants, or nil after a complaint about the `subject`.
    func convert(
        _ text: Text,
        as option: OptionSchema,
        subject: String,
        at position: ConfigPosition
    ) -> CheckedNode? {
        var node = CheckedNode(type: .scalar, text: text.value, isSecret: text.isSecret, position: position)
        node.reference = text.reference
        switch typed(&node, as: option) {
        case .success:
            return node
        case .failure(let complaint):
            // The complaint quotes the value, which must not happen to a secret.
            let sentence = text.isSecret ? "must be \(option.expectation); the value is not shown" : complaint.text
            problems.error(at: position, "\(subject) \(sentence)")
            return nil
        }
    }

    private func typed(_ node: inout CheckedNode, as option: OptionSchema) -> Result<Void, Complaint> {
        let text = node.text
        switch option.type {
        case .string, .stringList, .stringMap:
            return .success(())
        case .bool:
            return NumberSyntax.truth(text).map { node.i64 = $0 ? 1 : 0 }
        case .int:
            return bounded(NumberSyntax.integer(text), by: option) { "\($0)" }.map { node.i64 = $0 }
        case .size:
            return bounded(ByteCount.syntax.value(text), by: option, ByteCount.text).map { node.i64 = $0 }
        case .duration:
            return bounded(TimeSpan.syntax.value(text), by: option, TimeSpan.text).map { node.i64 = $0 }
        case .float:
            return NumberSyntax.decimal(text).map { node.f64 = $0 }
        case .choice:
            guard !option.choices.contains(text) else { return .success(()) }
            let meant = NearestName.match(text, among: option.choices)
            let suggestion = meant.map { "; did you mean \(quoted($0))?" } ?? ""
            return .failure(Complaint("must be \(option.expectation), not \(quoted(text))\(suggestion)"))
        case .path:
            return source.absolutePath(text).map { node.text = $0 }
        case .url:
            return URLSyntax.isAbsolute(text)
                ? .success(()) : .failure(Complaint("must be \(option.expectation), not \(quoted(text))"))
        }
    }

    private func bounded(
        _ value: Result<Int64, Complaint>,
        by option: OptionSchema,
        _ spell: (Int64) -> String
    ) -> Result<Int64, Complaint> {
        value.flatMap { value in
            if option.min == 0, option.max == 0 { return .success(value) }
            if value >= option.min, value <= option.max { return .success(value) }
            return .failure(
                Complaint("must be from \(spell(option.min)) to \(spell(option.max)), not \(spell(value))")
            )
        }
    }
}

/// URLs as far as settings look at them.
enum URLSyntax {
    /// Whether the text is a scheme, `://`, something after it, and nothing that no URL contains.
    static func isAbsolute(_ text: String) -> Bool {
        guard let scheme = scheme(of: text) else { return false }
        let rest = text.utf8.dropFirst(scheme.utf8.count + 3)
        return !rest.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    /// What stands before `://`, if that is the form of a scheme.
    static func scheme(of text: String) -> String? {
        let scheme = text.utf8.prefix { $0 != UInt8(ascii: ":") }
        guard text.utf8.dropFirst(scheme.count).starts(with: "://".utf8), let first = scheme.first, isLetter(first),
            scheme.allSatisfy({ isLetter($0) || isDigit($0) || "+-.".utf8.contains($0) })
        else { return nil }
        return String(Substring(scheme))
    }

    static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

extension CheckedNode {
    /// Takes the node's places away: a default stands nowhere in the file.
    mutating func markDefaulted() {
        isDefaulted = true
        position = nil
        for index in children.indices {
            children[index].markDefaulted()
        }
    }
}
