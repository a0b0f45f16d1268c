/// Which digests somebody wants: `Want-Content-Digest` and `Want-Repr-Digest` (RFC 9530, section 4).
public struct DigestWishes: Sendable, Equatable {
    private var weights: [DigestKind: Int64] = [:]

    /// Reads the field: a dictionary of integers from 0, not wanted, to 10. Algorithms that are not known here are ignored.
    /// - Parameter lines: the field's values, line by line; none wish for nothing.
    /// - Throws: What is wrong with the field.
    public init(field lines: [String]) throws(Complaint) {
        let wrong = Complaint("must be a list of algorithms, each with a weight from 0 to 10, such as sha-256=10")
        var found: [DigestKind: Int64] = [:]
        let isDictionary = try StructuredDictionary.read(lines) { key, value throws(Complaint) in
            guard case .integer(let weight) = value, (0...10).contains(weight) else { throw wrong }
            guard let kind = DigestKind(fieldKey: key) else { return }
            found[kind] = weight
        }
        guard isDictionary else { throw wrong }
        weights = found
    }

    /// What is wanted, the most wanted first; of what is wanted as much, the strongest.
    public var kinds: [DigestKind] {
        let wanted = DigestKind.allCases.enumerated().filter { weights[$0.element] ?? 0 > 0 }
        return wanted.sorted { one, other in
            let (first, second) = (weights[one.element] ?? 0, weights[other.element] ?? 0)
            return first == second ? one.offset < other.offset : first > second
        }.map(\.element)
    }
}
