import Foundation

/// A client's name for a file, made harmless: text to show and to propose, never a path.
public enum FileName {
    /// The most bytes of a name, as file systems have it.
    public static let maxBytes = 255

    /// The last component of the name, without control characters, cut to 255 bytes between two characters; a plain
    /// `file` where nothing is left.
    public static func sanitised(_ name: String) -> String {
        let component = name.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last ?? ""
        var scalars = String.UnicodeScalarView()
        for scalar in component.unicodeScalars where !isForbidden(scalar) { scalars.append(scalar) }
        var result = String(scalars).precomposedStringWithCanonicalMapping
            .trimmingCharacters(in: CharacterSet(charactersIn: " \t"))
        while result.utf8.count > maxBytes {
            // The extension says more about a file than the end of its name does.
            let dot = result.lastIndex(of: ".") ?? result.endIndex
            let keepsExtension = result[dot...].utf8.count <= 32 && dot > result.startIndex
            let end = keepsExtension ? dot : result.endIndex
            result.remove(at: result.index(before: end))
        }
        return result.isEmpty || result == "." || result == ".." ? "file" : result
    }

    /// Control characters, and the marks that turn the direction of the text around to disguise an extension.
    private static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069, 0x2028, 0x2029: true
        default: false
        }
    }
}

/// A path that an application names for a stored upload, turned into an object key.
enum ObjectPath {
    static let maxBytes = 1024

    /// The key for a path. One that ends in `/` is a directory and gets `name` appended; a leading `/` means the
    /// root of the store and is dropped.
    static func key(path: String, name: String) throws(UploadError) -> String {
        guard !path.isEmpty else { throw invalid("is empty") }
        var key = path.precomposedStringWithCanonicalMapping
        if key.hasPrefix("/") { key.removeFirst() }
        if key.isEmpty || key.hasSuffix("/") { key += FileName.sanitised(name) }
        let segments = key.split(separator: "/", omittingEmptySubsequences: false)
        for segment in segments {
            if segment.isEmpty { throw invalid("has an empty part") }
            if segment == "." || segment == ".." { throw invalid("has a \"\(segment)\" in it") }
            if segment.utf8.count > FileName.maxBytes { throw invalid("has a part of more than 255 bytes") }
        }
        if key.utf8.count > maxBytes { throw invalid("is longer than \(maxBytes) bytes") }
        if segments[0] == ".fp" { throw invalid("starts with \".fp\", which the stores keep for themselves") }
        for scalar in key.unicodeScalars {
            if scalar == "\\" { throw invalid("has a backslash in it") }
            if scalar.value < 0x20 || 0x7F..<0xA0 ~= scalar.value { throw invalid("has a control character in it") }
        }
        return key
    }

    /// The directory of a key, with its final `/`; empty for a key at the root.
    static func directory(of key: String) -> String {
        guard let slash = key.lastIndex(of: "/") else { return "" }
        return String(key[...slash])
    }

    private static func invalid(_ reason: String) -> UploadError {
        UploadError(.invalid, "The path \(reason).")
    }
}
