import FPFormats
import FPHTTP

extension FuzzTarget {
    /// A request target: what is accepted has nothing in it that must not reach a handler, and says the same when it is
    /// written anew.
    static let target = FuzzTarget("target") { input in
        let text = String(decoding: input, as: UTF8.self)
        let first = RequestTarget.firstSegment(of: text)
        guard let target = try? RequestTarget(text) else { return }
        for segment in target.path.segments {
            require(segment != "." && segment != "..", "a dot segment")
            require(!segment.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "a control character")
        }
        guard text != "*" else { return }
        // Empty segments in front are skipped when all that is wanted is a form for a refusal.
        if let named = target.path.segments.first(where: { !$0.isEmpty }) {
            require(first.utf8.elementsEqual(named.utf8), "the first segment is \(first) for one reader only")
        }
        let path = "/" + target.path.segments.map { PercentEncoding.encoded($0) }.joined(separator: "/")
        let query = target.query.pairs
            .map { PercentEncoding.encoded($0.name) + "=" + PercentEncoding.encoded($0.value) }.joined(separator: "&")
        guard let again = try? RequestTarget(path + "?" + query) else { return require(false, "refused anew: \(path)") }
        require(again.path == target.path && again.query == target.query, "another target when written anew")
    }
}
