/// The name that a remote file goes by, made safe to show and to use as the last part of a path.
enum FileName {
    /// The longest name that file systems keep, in bytes.
    private static let longest = 255

    /// From `Content-Disposition` (RFC 6266), else from the last segment of the URL's path.
    static func suggested(contentDisposition: [UInt8]?, url: RemoteURL) -> String? {
        contentDisposition.flatMap(ContentDisposition.fileName).flatMap(sanitized)
            ?? sanitized(text(url.lastSegment))
    }

    /// Bytes as UTF-8 if they are, else as Latin-1, which is what HTTP fields were once said to hold.
    static func text(_ bytes: some Sequence<UInt8>) -> String {
        let bytes = Array(bytes)
        return String(validating: bytes, as: UTF8.self) ?? latin1(bytes)
    }

    static func latin1(_ bytes: some Sequence<UInt8>) -> String {
        String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }

    /// The last component only (RFC 6266 section 4.3), without what does not show or shows as something else;
    /// nil when nothing is left.
    private static func sanitized(_ name: String) -> String? {
        let last = name.unicodeScalars.split(omittingEmptySubsequences: false) { $0 == "/" || $0 == "\\" }.last ?? []
        var visible = String.UnicodeScalarView()
        visible.append(contentsOf: last.filter { !isUnprintable($0) })
        let blank: (Character) -> Bool = \.isWhitespace
        var trimmed = String(visible).drop(while: blank)
        while trimmed.last.map(blank) == true { trimmed.removeLast() }
        guard !trimmed.isEmpty, trimmed != ".", trimmed != ".." else { return nil }
        return capped(trimmed)
    }

    /// Control characters, line breaks, and the marks that turn the reading direction and can hide an extension.
    private static func isUnprintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        default: scalar.properties.isBidiControl || scalar.value == 0xfeff
        }
    }

    /// Cut to what a file system can keep, the extension kept.
    private static func capped(_ name: Substring) -> String {
        guard name.utf8.count > longest else { return String(name) }
        let ending = name.lastIndex(of: ".").map { name[$0...] } ?? ""
        // Something this long behind a dot is not an extension.
        let kept = (2...32).contains(ending.utf8.count) ? ending : ""
        // By scalars: a character can be any number of them.
        var stem = String(name.dropLast(kept.count)).unicodeScalars
        while String(stem).utf8.count + kept.utf8.count > longest { stem.removeLast() }
        return String(stem) + kept
    }
}
