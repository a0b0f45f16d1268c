/// Paths below which something is served, as the settings write them: `/fp`.
public enum BasePathSyntax {
    /// The segments of a path that needs no escaping in a URL; none for the root. Slashes at both ends mean nothing.
    public static func segments(of text: String) -> Result<[String], Complaint> {
        let segments = text.parts(at: "/").filter { !$0.isEmpty }.map(String.init)
        guard !text.holds("//"), !segments.contains(where: { $0.isSame(as: ".") || $0.isSame(as: "..") }) else {
            return .failure(Complaint("must be a path without empty, \".\" or \"..\" segments, not \(quoted(text))"))
        }
        guard segments.allSatisfy({ $0.utf8.allSatisfy(PercentEncoding.isUnreserved) }) else {
            return .failure(
                Complaint("must be a path of letters, digits, -, ., _, ~ and /, such as /fp, not \(quoted(text))"))
        }
        return .success(segments)
    }
}
