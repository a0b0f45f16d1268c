import FPFormats
import FPStorage

/// A path that an application names for a stored upload, turned into an object key.
enum ObjectPath {
    /// The key for a path: one that every store takes. One that ends in `/` is a directory and gets `name` appended; a
    /// leading `/` means the root of the store and is dropped.
    static func key(path: String, name: String) throws(UploadError) -> String {
        guard !path.isEmpty else { throw invalid("is empty") }
        var key = lookupKey(for: path)
        if key.isEmpty || key.ends(with: "/") { key += FileName.sanitised(name) }
        let segments = key.parts(at: "/")
        for segment in segments {
            if segment.isEmpty { throw invalid("has an empty part") }
            if segment == "." || segment == ".." { throw invalid("has a \"\(segment)\" in it") }
            if segment.utf8.count > FileName.maxBytes { throw invalid("has a part of more than 255 bytes") }
        }
        if key.utf8.count > ObjectKey.maxBytes { throw invalid("is longer than \(ObjectKey.maxBytes) bytes") }
        if segments[0] == ".fp" { throw invalid("starts with \".fp\", which the stores keep for themselves") }
        for scalar in key.unicodeScalars {
            if scalar == "\\" { throw invalid("has a backslash in it") }
            if scalar.value < 0x20 || 0x7F..<0xA0 ~= scalar.value { throw invalid("has a control character in it") }
            if !NormalForm.isStable(scalar) {
                let code = String(scalar.value, radix: 16, uppercase: true)
                throw invalid("has the character U+\(code) in it, which Unicode has not assigned")
            }
        }
        // The stores check this again, but would refuse the key only after the catalog has recorded it.
        do throws(ObjectKey.Violation) {
            try ObjectKey.validate(key)
        } catch {
            throw UploadError(.invalid, "The path cannot be used: \(error.message).")
        }
        return key
    }

    /// The key to look up for a path that somebody asks for: in form C, without the leading `/`, as ``key(path:name:)``
    /// would have it.
    static func lookupKey(for path: String) -> String {
        let key = NormalForm.composed(path)
        return key.without(prefix: "/").map(String.init) ?? key
    }

    /// The directory of a key, with its final `/`; empty for a key at the root.
    static func directory(of key: String) -> String {
        key.cutAtLast("/").map { "\($0.before)/" } ?? ""
    }

    /// The last part of a key.
    static func name(of key: String) -> String {
        String(key.cutAtLast("/")?.behind ?? key[...])
    }

    private static func invalid(_ reason: String) -> UploadError {
        UploadError(.invalid, "The path \(reason).")
    }
}
