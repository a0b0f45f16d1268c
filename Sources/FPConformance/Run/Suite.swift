/// All cases, in the order in which they are run.
package enum Suite {
    package static let all: [Case] = abi + data + manners

    private static let abi =
        AbiTableCases.all + AbiShapeCases.all + FlagCases.all + CapsCases.all + LifeCases.all

    private static let data =
        StatCases.all + ReadCases.all + ReaderCases.all + ReadFDCases.all + WriteCases.all + WriteEndCases.all
        + ReplaceCases.all + WriteExtraCases.all + sessions + RaceCases.all + NameCases.all + ListCases.all
        + PendingCases.all
        + CopyCases.all + PresignCases.all + RandomCases.all

    private static let sessions =
        TokenCases.all + ResumeCases.all + SessionEndCases.all + KillCases.all + RewindCases.all

    private static let manners = CancelCases.all + StalledCases.all + ConcurrencyCases.all + GuestCases.all

    /// The cases that a pattern names: an id, or the beginning of one, or one with `*` for anything.
    package static func matching(_ patterns: [String]) -> [Case] {
        if patterns.isEmpty { return all }
        return all.filter { subject in patterns.contains { matches(subject.id, $0) } }
    }

    package static func matches(_ id: String, _ pattern: String) -> Bool {
        guard pattern.contains("*") else { return id == pattern || id.hasPrefix(pattern + ".") }
        let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard let first = parts.first, let last = parts.last, id.hasPrefix(first), id.hasSuffix(last),
            id.count >= first.count + last.count
        else { return false }
        var rest = id.dropFirst(first.count).dropLast(last.count)
        for part in parts.dropFirst().dropLast() {
            guard let range = rest.firstRange(of: part) else { return false }
            rest = rest[range.upperBound...]
        }
        return true
    }
}
