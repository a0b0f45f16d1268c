/// Names of media types (RFC 6838, section 4.2; RFC 9110, section 8.3.1).
public enum MediaTypeName {
    /// The `type/subtype` of a text in small letters and under its one name here, without parameters; `nil` if the text
    /// is none.
    public static func parse(_ text: String) -> String? {
        let essence = (text.cut(at: ";")?.before ?? text[...]).trimmingBlanks().asciiLowercased()
        guard let (type, subtype) = essence.cut(at: "/"), isToken(type), isToken(subtype) else { return nil }
        return aliases[essence] ?? essence
    }

    /// Whether a text can be one half of a name. No longer than RFC 6838 allows it.
    static func isToken(_ text: Substring) -> Bool {
        (1...127).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || "0123456789!#$&-^_.+".utf8.contains(byte)
            }
    }

    /// Other names of the types that ``FileExtension`` names.
    private static let aliases: [String: String] = [
        "image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/svg": "image/svg+xml",
        "image/vnd.microsoft.icon": "image/x-icon", "image/x-ms-bmp": "image/bmp", "image/x-png": "image/png",
        "audio/mp3": "audio/mpeg", "audio/x-mp3": "audio/mpeg", "audio/x-wav": "audio/wav", "audio/wave": "audio/wav",
        "audio/vnd.wave": "audio/wav", "audio/m4a": "audio/mp4", "audio/x-m4a": "audio/mp4",
        "audio/x-flac": "audio/flac", "audio/x-aiff": "audio/aiff", "audio/mid": "audio/midi",
        "video/avi": "video/x-msvideo", "video/msvideo": "video/x-msvideo", "video/x-m4v": "video/mp4",
        "video/matroska": "video/x-matroska", "application/x-pdf": "application/pdf",
        "application/x-zip": "application/zip", "application/x-zip-compressed": "application/zip",
        "application/x-rar": "application/vnd.rar", "application/x-rar-compressed": "application/vnd.rar",
        "application/x-gzip": "application/gzip", "application/x-zstd": "application/zstd",
        "application/bzip2": "application/x-bzip2", "text/rtf": "application/rtf", "text/xml": "application/xml",
        "application/xhtml+xml": "text/html", "application/javascript": "text/javascript",
        "application/x-javascript": "text/javascript", "application/ecmascript": "text/javascript",
        "text/yaml": "application/yaml", "application/x-yaml": "application/yaml",
        "application/x-msdownload": "application/vnd.microsoft.portable-executable",
        "application/x-dosexec": "application/vnd.microsoft.portable-executable",
        "application/x-executable": "application/x-elf", "application/x-sharedlib": "application/x-elf",
        "application/x-sh": "text/x-shellscript", "application/x-shellscript": "text/x-shellscript",
        "application/x-php": "application/x-httpd-php", "text/x-php": "application/x-httpd-php",
        "application/x-sqlite3": "application/vnd.sqlite3", "application/x-java-archive": "application/java-archive",
    ]
}
