import FPFormats
import NIOCore

/// Which media type a file is served with.
///
/// A browser trusts the type it is told, so it comes from the bytes' own signature, else from the file's extension,
/// and only then from what the client claimed.
enum MediaType {
    /// How many bytes from the start of a file its signature may take.
    static let signatureLength = 512
    static let unknown = "application/octet-stream"

    /// `head`, continued to its full length with what the buffers begin with.
    static func head(_ head: [UInt8], _ buffers: [ByteBuffer]) -> [UInt8] {
        var head = head
        for buffer in buffers where head.count < signatureLength {
            head.append(contentsOf: buffer.readableBytesView.prefix(signatureLength - head.count))
        }
        return head
    }

    static func of(signature: [UInt8], name: String, declared: String?) -> String {
        let byExtension = Self.byExtension(of: name)
        if let bySignature = Self.bySignature(signature) {
            // A container format says less than an extension that is known to use it.
            guard let byExtension, let container = containers[bySignature] else { return bySignature }
            return container.contains(where: { byExtension.begins(with: $0) }) ? byExtension : bySignature
        }
        return byExtension ?? declared.flatMap(sanitised) ?? unknown
    }

    /// Which extensions' types may stand in for the container that the signature shows.
    private static let containers: [String: [String]] = [
        "application/zip": [
            "application/vnd.", "application/epub", "application/java-archive", "application/vnd.android",
        ],
        "application/gzip": ["image/svg+xml-compressed"],
        "application/x-ole-storage": ["application/msword", "application/vnd.ms-"],
        "video/mp4": ["audio/mp4", "video/quicktime", "video/mp4", "video/3gpp"],
        "video/webm": ["video/x-matroska", "audio/webm", "audio/x-matroska"],
        "application/ogg": ["audio/ogg", "video/ogg", "audio/opus"],
        "image/tiff": ["image/x-"],
    ]

    private struct Signature {
        let offset: Int
        let bytes: [UInt8]
        let type: String

        init(_ type: String, _ bytes: [UInt8], at offset: Int = 0) {
            self.type = type
            self.bytes = bytes
            self.offset = offset
        }

        init(_ type: String, _ text: String, at offset: Int = 0) {
            self.init(type, Array(text.utf8), at: offset)
        }

        func matches(_ head: [UInt8]) -> Bool {
            head.count >= offset + bytes.count && head[offset] == bytes[0]
                && head[offset..<offset + bytes.count].elementsEqual(bytes)
        }
    }

    private static let signatures: [Signature] = [
        Signature("image/png", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]),
        Signature("image/jpeg", [0xFF, 0xD8, 0xFF]),
        Signature("image/gif", "GIF87a"),
        Signature("image/gif", "GIF89a"),
        Signature("image/webp", "WEBP", at: 8),
        Signature("audio/wav", "WAVE", at: 8),
        Signature("video/x-msvideo", "AVI ", at: 8),
        Signature("image/bmp", "BM"),
        Signature("image/tiff", [0x49, 0x49, 0x2A, 0x00]),
        Signature("image/tiff", [0x4D, 0x4D, 0x00, 0x2A]),
        Signature("image/vnd.adobe.photoshop", "8BPS"),
        Signature("image/x-icon", [0x00, 0x00, 0x01, 0x00]),
        Signature("image/jp2", [0x00, 0x00, 0x00, 0x0C, 0x6A, 0x50, 0x20, 0x20]),
        Signature("image/jxl", [0x00, 0x00, 0x00, 0x0C, 0x4A, 0x58, 0x4C, 0x20]),
        Signature("image/avif", "ftypavif", at: 4),
        Signature("image/heic", "ftypheic", at: 4),
        Signature("image/heic", "ftypheix", at: 4),
        Signature("image/heif", "ftypmif1", at: 4),
        Signature("audio/mp4", "ftypM4A", at: 4),
        Signature("video/quicktime", "ftypqt", at: 4),
        Signature("video/mp4", "ftyp", at: 4),
        Signature("video/webm", [0x1A, 0x45, 0xDF, 0xA3]),
        Signature("video/mpeg", [0x00, 0x00, 0x01, 0xBA]),
        Signature("video/x-flv", "FLV"),
        Signature("application/ogg", "OggS"),
        Signature("audio/flac", "fLaC"),
        Signature("audio/mpeg", "ID3"),
        Signature("audio/midi", "MThd"),
        Signature("audio/aac", [0xFF, 0xF1]),
        Signature("audio/aac", [0xFF, 0xF9]),
        Signature("application/pdf", "%PDF-"),
        Signature("application/postscript", "%!PS-"),
        Signature("application/rtf", "{\\rtf"),
        Signature("application/zip", [0x50, 0x4B, 0x03, 0x04]),
        Signature("application/zip", [0x50, 0x4B, 0x05, 0x06]),
        Signature("application/gzip", [0x1F, 0x8B]),
        Signature("application/x-bzip2", "BZh"),
        Signature("application/x-xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]),
        Signature("application/zstd", [0x28, 0xB5, 0x2F, 0xFD]),
        Signature("application/x-7z-compressed", [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]),
        Signature("application/vnd.rar", [0x52, 0x61, 0x72, 0x21, 0x1A, 0x07]),
        Signature("application/x-tar", "ustar", at: 257),
        Signature("application/x-ole-storage", [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]),
        Signature("application/vnd.sqlite3", "SQLite format 3\u{0}"),
        Signature("application/wasm", [0x00, 0x61, 0x73, 0x6D]),
        Signature("application/x-elf", [0x7F, 0x45, 0x4C, 0x46]),
        Signature("font/woff", "wOFF"),
        Signature("font/woff2", "wOF2"),
        Signature("font/otf", "OTTO"),
        Signature("font/ttf", [0x00, 0x01, 0x00, 0x00, 0x00]),
    ]

    private static let riffTypes: Set<String> = ["image/webp", "audio/wav", "video/x-msvideo"]

    private static func bySignature(_ head: [UInt8]) -> String? {
        let isRIFF = head.starts(with: "RIFF".utf8)
        for signature in signatures where signature.matches(head) {
            if riffTypes.contains(signature.type) && !isRIFF { continue }
            return signature.type
        }
        return nil
    }

    private static func byExtension(of name: String) -> String? {
        guard let (stem, ending) = name.cutAtLast("."), !stem.isEmpty else { return nil }
        return extensions[ending.asciiLowercased()]
    }

    private static let extensions: [String: String] = [
        "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "jpe": "image/jpeg", "gif": "image/gif",
        "webp": "image/webp", "bmp": "image/bmp", "tif": "image/tiff", "tiff": "image/tiff", "ico": "image/x-icon",
        "svg": "image/svg+xml", "avif": "image/avif", "heic": "image/heic", "heif": "image/heif", "jxl": "image/jxl",
        "jp2": "image/jp2", "psd": "image/vnd.adobe.photoshop", "dng": "image/x-adobe-dng",
        "cr2": "image/x-canon-cr2", "nef": "image/x-nikon-nef", "mp4": "video/mp4", "m4v": "video/mp4",
        "mov": "video/quicktime", "webm": "video/webm", "mkv": "video/x-matroska", "avi": "video/x-msvideo",
        "mpg": "video/mpeg", "mpeg": "video/mpeg", "ogv": "video/ogg", "3gp": "video/3gpp", "flv": "video/x-flv",
        "wmv": "video/x-ms-wmv", "ts": "video/mp2t", "mp3": "audio/mpeg", "m4a": "audio/mp4", "aac": "audio/aac",
        "wav": "audio/wav", "flac": "audio/flac", "ogg": "audio/ogg", "oga": "audio/ogg", "opus": "audio/opus",
        "weba": "audio/webm", "mka": "audio/x-matroska", "mid": "audio/midi", "midi": "audio/midi",
        "pdf": "application/pdf", "ps": "application/postscript", "rtf": "application/rtf",
        "doc": "application/msword", "xls": "application/vnd.ms-excel", "ppt": "application/vnd.ms-powerpoint",
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "odt": "application/vnd.oasis.opendocument.text", "ods": "application/vnd.oasis.opendocument.spreadsheet",
        "odp": "application/vnd.oasis.opendocument.presentation", "epub": "application/epub+zip",
        "txt": "text/plain", "log": "text/plain", "md": "text/markdown", "csv": "text/csv",
        "tsv": "text/tab-separated-values", "html": "text/html", "htm": "text/html", "css": "text/css",
        "js": "text/javascript", "mjs": "text/javascript", "json": "application/json", "xml": "application/xml",
        "yaml": "application/yaml", "yml": "application/yaml", "ics": "text/calendar", "vcf": "text/vcard",
        "zip": "application/zip", "gz": "application/gzip", "tgz": "application/gzip", "bz2": "application/x-bzip2",
        "xz": "application/x-xz", "zst": "application/zstd", "7z": "application/x-7z-compressed",
        "rar": "application/vnd.rar", "tar": "application/x-tar", "jar": "application/java-archive",
        "apk": "application/vnd.android.package-archive", "wasm": "application/wasm", "woff": "font/woff",
        "woff2": "font/woff2", "ttf": "font/ttf", "otf": "font/otf", "sqlite": "application/vnd.sqlite3",
        "geojson": "application/geo+json", "parquet": "application/vnd.apache.parquet", "stl": "model/stl",
        "glb": "model/gltf-binary", "gltf": "model/gltf+json", "h5": "application/x-hdf5",
    ]

    /// A claimed type, if it has the form `token/token` (RFC 9110, section 8.3.1); parameters are dropped.
    private static func sanitised(_ declared: String) -> String? {
        let type = declared.parts(at: ";")[0].trimmingBlanks().asciiLowercased()
        let parts = type.parts(at: "/")
        let isToken: (Substring) -> Bool = { part in
            !part.isEmpty && part.utf8.count <= 127
                && part.utf8.allSatisfy { byte in
                    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                        || "0123456789!#$&-^_.+".utf8.contains(byte)
                }
        }
        return parts.count == 2 && parts.allSatisfy(isToken) ? type : nil
    }
}
