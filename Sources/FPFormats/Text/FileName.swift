/// A name for a file that a client or a remote server gave, made harmless: text to show and to propose, never a path.
public enum FileName {
    /// The most bytes of a name, as file systems have it.
    public static let maxBytes = 255
    /// The longest extension, in bytes, its dot included.
    private static let maxExtension = 32

    /// The last component of the name in normalization form C, without what does not show, shows as something else, or
    /// belongs to what comes before the name; cut to 255 bytes between two characters. `nil` where nothing is left.
    public static func cleaned(_ name: String) -> String? {
        if isPlain(name) { return name }
        let component =
            name.utf8.split(omittingEmptySubsequences: true) {
                $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\")
            }.last.map(Substring.init) ?? ""
        var scalars = String.UnicodeScalarView()
        scalars.append(contentsOf: component.unicodeScalars.lazy.filter { !isForbidden($0) })
        let visible = trimmed(String(scalars)[...])
        let result = capped(NormalForm.composed(String(visible)))
        return result.isEmpty || result == "." || result == ".." ? nil : result
    }

    /// The name as ``cleaned(_:)`` leaves it; a plain `file` where nothing is left.
    public static func sanitised(_ name: String) -> String {
        cleaned(name) ?? "file"
    }

    /// Whether the name is one that most are: of ASCII, as it should be. Asking Unicode about every character of it
    /// costs more than the rest of a small upload's file record.
    private static func isPlain(_ name: String) -> Bool {
        let bytes = name.utf8
        guard (1...maxBytes).contains(bytes.count), bytes.first != UInt8(ascii: "."), bytes.first != UInt8(ascii: " "),
            bytes.last != UInt8(ascii: " ")
        else { return false }
        return bytes.allSatisfy {
            (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\\")
        }
    }

    /// Control characters, ends of lines, the marks that turn the direction of the text around to disguise an
    /// extension, and what has no stable normal form.
    private static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: true
        default: scalar.properties.isBidiControl || scalar.value == 0xFEFF || !NormalForm.isStable(scalar)
        }
    }

    /// Without white space at both ends, and without marks at the beginning: they would belong to whatever is put before
    /// the name, such as a slash.
    private static func trimmed(_ name: Substring) -> Substring {
        var scalars = name.unicodeScalars[...]
        scalars = scalars.drop { $0.properties.isWhitespace || isDependent($0) }
        while let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
        return Substring(scalars)
    }

    private static func isDependent(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .format: true
        default: scalar.properties.isGraphemeExtend
        }
    }

    /// Cut to what a file system can keep. The extension says more about a file than the end of its name does. What is
    /// left of a text in form C is in form C too.
    private static func capped(_ name: String) -> String {
        guard name.utf8.count > maxBytes else { return name }
        let (stem, ending) = parted(name)
        let kept = prefix(of: stem, within: maxBytes - ending.utf8.count)
        // The cut may have come behind white space.
        return ending.isEmpty ? String(trimmed(kept[...])) : kept + ending
    }

    /// A name's stem and its extension with the dot, which is empty where there is none, or one too long to be one.
    static func parted(_ name: String) -> (stem: Substring, ending: Substring) {
        guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")), dot > name.startIndex,
            (2...maxExtension).contains(name[dot...].utf8.count)
        else { return (name[...], "") }
        return (name[..<dot], name[dot...])
    }

    /// As many whole characters of a text as fit; of one whose first character does not, as many scalars.
    static func prefix(of text: Substring, within limit: Int) -> String {
        guard text.utf8.count > limit else { return String(text) }
        let whole = prefix(of: text.map(String.init), within: limit)
        return whole.isEmpty ? prefix(of: text.unicodeScalars.map(String.init), within: limit) : whole
    }

    private static func prefix(of pieces: [String], within limit: Int) -> String {
        var kept = ""
        for piece in pieces {
            guard kept.utf8.count + piece.utf8.count <= limit else { break }
            kept += piece
        }
        return kept
    }
}
