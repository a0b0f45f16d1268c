/// Finds what somebody who mistyped a name most likely meant.
public enum NearestName {
    /// Longer names are not typing mistakes, and would cost time.
    private static let longest = 64

    /// The candidate that differs from `name` by few enough typing mistakes, or the only one that it abbreviates.
    ///
    /// Case and the choice between `-` and `_` do not count as mistakes.
    public static func match(_ name: String, among candidates: some Sequence<String>) -> String? {
        let wanted = folded(name)
        guard !wanted.isEmpty, wanted.count <= longest else { return nil }
        let allowed = wanted.count <= 3 ? 1 : wanted.count <= 6 ? 2 : 3
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let found = distance(wanted, folded(candidate))
            // If every character has to change, it is no correction.
            if found <= allowed, found < max(wanted.count, 1), found < best?.distance ?? .max {
                best = (candidate, found)
            }
        }
        return best?.name ?? completion(of: wanted, among: candidates)
    }

    private static func completion(of name: [Unicode.Scalar], among candidates: some Sequence<String>) -> String? {
        let longer = candidates.filter { folded($0).starts(with: name) }
        return name.count >= 3 && longer.count == 1 ? longer[0] : nil
    }

    private static func folded(_ name: String) -> [Unicode.Scalar] {
        name.lowercased().unicodeScalars.prefix(longest + 1).map { $0 == "-" ? "_" : $0 }
    }

    /// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours.
    private static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for (i, scalar) in left.enumerated() {
            var row = [i + 1]
            row.reserveCapacity(right.count + 1)
            for (j, other) in right.enumerated() {
                var cost = min(last[j] + (scalar == other ? 0 : 1), last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, scalar == right[j - 1], left[i - 1] == other {
                    cost = min(cost, beforeLast[j - 1] + 1)
                }
                row.append(cost)
            }
            beforeLast = last
            last = row
        }
        return last[right.count]
    }
}
