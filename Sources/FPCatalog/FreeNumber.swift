/// Finds a free one of many numbered places with few questions, however many are taken.
public enum FreeNumber {
    /// Beyond it nothing is looked for.
    private static let highest = 1 << 40

    /// The number to look at after one that is taken: one by one at first, so that few places are taken without a gap,
    /// and then always twice as far, so that thousands cost no more than a few questions.
    public static func next(after number: Int) -> Int { number < 10 ? number + 1 : number * 2 }

    /// A free number from `first` on. The lowest, if there is one before the first ten above it are passed; else one that
    /// is free where the number below it is taken.
    /// - Returns: one that is taken, if no free one was found.
    package static func find<Failure>(
        from first: Int, isFree: (Int) throws(Failure) -> Bool
    ) throws(Failure) -> Int {
        var (taken, candidate) = (first, first)
        while try !isFree(candidate) {
            taken = candidate
            guard candidate < highest else { return candidate }
            candidate = first - 1 + next(after: candidate - first + 1)
        }
        while candidate - taken > 1 {
            let middle = taken + (candidate - taken) / 2
            if try isFree(middle) { candidate = middle } else { taken = middle }
        }
        return candidate
    }
}
