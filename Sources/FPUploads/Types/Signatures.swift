/// The bytes by which formats are known: the beginnings of files, or what stands at fixed places in them.
///
/// From the WHATWG's MIME Sniffing standard (sections 6.1 to 6.4 and 7.1) for what browsers know, and otherwise from the
/// formats' own specifications, as the magic of file(1) 5.45 and the shared MIME-info database 2.4 collect them. Where
/// two of them hold the first one counts.
struct Signature {
    /// The media type.
    let type: String
    private let pieces: [(offset: Int, bytes: [UInt8])]
    /// Whether the bytes are also the beginning of ordinary text, so that only a byte that no text has proves them.
    private let isWeak: Bool

    private init(_ type: String, _ bytes: [UInt8], at offset: Int = 0, isWeak: Bool = false) {
        self.type = type
        pieces = [(offset, bytes)]
        self.isWeak = isWeak
    }

    private init(_ type: String, _ text: String, at offset: Int = 0, isWeak: Bool = false) {
        self.init(type, Array(text.utf8), at: offset, isWeak: isWeak)
    }

    /// A chunked file: `RIFF` or `FORM`, four bytes of length, and the kind.
    private init(_ type: String, chunk: String, of kind: String) {
        self.type = type
        pieces = [(0, Array(chunk.utf8)), (8, Array(kind.utf8))]
        isWeak = false
    }

    private init(_ type: String, _ pieces: [(offset: Int, bytes: [UInt8])]) {
        self.type = type
        self.pieces = pieces
        isWeak = false
    }

    /// Whether a file that begins with `head` has the format.
    func matches(_ head: [UInt8]) -> Bool {
        for (offset, bytes) in pieces {
            guard head.count >= offset + bytes.count, head[offset] == bytes[0],
                head[offset..<offset + bytes.count].elementsEqual(bytes)
            else { return false }
        }
        return !isWeak || PlainText.hasBinaryByte(head.prefix(64))
    }

    static let all: [Signature] = images + soundsAndFilms + documents + programs + archives + others

    private static let images: [Signature] = [
        Signature("image/png", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]),
        Signature("image/jpeg", [0xFF, 0xD8, 0xFF]),
        Signature("image/gif", "GIF87a"),
        Signature("image/gif", "GIF89a"),
        Signature("image/webp", chunk: "RIFF", of: "WEBP"),
        Signature("image/bmp", "BM", isWeak: true),
        Signature("image/tiff", [0x49, 0x49, 0x2A, 0x00]),
        Signature("image/tiff", [0x4D, 0x4D, 0x00, 0x2A]),
        Signature("image/vnd.adobe.photoshop", "8BPS", isWeak: true),
        Signature("image/x-icon", [0x00, 0x00, 0x01, 0x00]),
        Signature("image/x-icon", [0x00, 0x00, 0x02, 0x00]),
        Signature("image/jp2", [0x00, 0x00, 0x00, 0x0C, 0x6A, 0x50, 0x20, 0x20]),
        Signature("image/jxl", [0x00, 0x00, 0x00, 0x0C, 0x4A, 0x58, 0x4C, 0x20]),
        Signature("image/jxl", [0xFF, 0x0A], isWeak: true),
        Signature("image/x-xcf", "gimp xcf "),
        Signature("image/vnd.djvu", "AT&TFORM"),
    ]

    private static let soundsAndFilms: [Signature] = [
        Signature("audio/wav", chunk: "RIFF", of: "WAVE"),
        Signature("video/x-msvideo", chunk: "RIFF", of: "AVI "),
        Signature("audio/aiff", chunk: "FORM", of: "AIFF"),
        Signature("audio/aiff", chunk: "FORM", of: "AIFC"),
        Signature("video/mpeg", [0x00, 0x00, 0x01, 0xBA]),
        Signature("video/mpeg", [0x00, 0x00, 0x01, 0xB3]),
        Signature("video/x-flv", "FLV", isWeak: true),
        Signature("video/x-ms-wmv", [0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11]),
        Signature("video/mp2t", [(0, [0x47]), (188, [0x47]), (376, [0x47])]),
        Signature("application/ogg", "OggS"),
        Signature("audio/flac", "fLaC"),
        Signature("audio/mpeg", "ID3", isWeak: true),
        Signature("audio/midi", "MThd"),
        Signature("audio/amr", "#!AMR"),
        Signature("audio/basic", ".snd", isWeak: true),
        // The sync words of ADTS and of MPEG-1 and 2 layer III, with and without a checksum.
        Signature("audio/aac", [0xFF, 0xF1]),
        Signature("audio/aac", [0xFF, 0xF9]),
        Signature("audio/mpeg", [0xFF, 0xFA]),
        Signature("audio/mpeg", [0xFF, 0xFB]),
        Signature("audio/mpeg", [0xFF, 0xF2]),
        Signature("audio/mpeg", [0xFF, 0xF3]),
    ]

    private static let documents: [Signature] = [
        Signature("application/pdf", "%PDF-"),
        Signature("application/postscript", "%!PS"),
        Signature("application/rtf", "{\\rtf"),
        Signature("application/x-ole-storage", [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]),
    ]

    private static let programs: [Signature] = [
        Signature("application/vnd.microsoft.portable-executable", "MZ", isWeak: true),
        Signature("application/x-elf", [0x7F, 0x45, 0x4C, 0x46]),
        Signature("application/x-mach-binary", [0xFE, 0xED, 0xFA, 0xCE]),
        Signature("application/x-mach-binary", [0xFE, 0xED, 0xFA, 0xCF]),
        Signature("application/x-mach-binary", [0xCE, 0xFA, 0xED, 0xFE]),
        Signature("application/x-mach-binary", [0xCF, 0xFA, 0xED, 0xFE]),
        // One magic for two formats: a fat binary has a few architectures where a class has its version, from 45 on.
        Signature("application/x-mach-binary", [(0, [0xCA, 0xFE, 0xBA, 0xBE, 0, 0, 0, 1])]),
        Signature("application/x-mach-binary", [(0, [0xCA, 0xFE, 0xBA, 0xBE, 0, 0, 0, 2])]),
        Signature("application/x-mach-binary", [(0, [0xCA, 0xFE, 0xBA, 0xBE, 0, 0, 0, 3])]),
        Signature("application/x-mach-binary", [(0, [0xCA, 0xFE, 0xBA, 0xBE, 0, 0, 0, 4])]),
        Signature("application/java-vm", [0xCA, 0xFE, 0xBA, 0xBE]),
        Signature("application/wasm", [0x00, 0x61, 0x73, 0x6D]),
        Signature("application/x-dex", "dex\n"),
        Signature(
            "application/x-ms-shortcut", [0x4C, 0x00, 0x00, 0x00, 0x01, 0x14, 0x02, 0x00]),
        Signature("application/x-shockwave-flash", "FWS", isWeak: true),
        Signature("application/x-shockwave-flash", "CWS", isWeak: true),
        Signature("application/x-shockwave-flash", "ZWS", isWeak: true),
        Signature("application/x-chrome-extension", "Cr24"),
    ]

    private static let archives: [Signature] = [
        Signature("application/zip", [0x50, 0x4B, 0x03, 0x04]),
        Signature("application/zip", [0x50, 0x4B, 0x05, 0x06]),
        Signature("application/gzip", [0x1F, 0x8B]),
        Signature("application/x-bzip2", "BZh", isWeak: true),
        Signature("application/x-xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]),
        Signature("application/zstd", [0x28, 0xB5, 0x2F, 0xFD]),
        Signature("application/x-lz4", [0x04, 0x22, 0x4D, 0x18]),
        Signature("application/x-7z-compressed", [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]),
        Signature("application/vnd.rar", [0x52, 0x61, 0x72, 0x21, 0x1A, 0x07]),
        Signature("application/x-tar", "ustar", at: 257),
        Signature("application/vnd.ms-cab-compressed", "MSCF", isWeak: true),
        Signature("application/vnd.debian.binary-package", "!<arch>\ndebian-binary"),
        Signature("application/x-rpm", [0xED, 0xAB, 0xEE, 0xDB]),
    ]

    private static let others: [Signature] = [
        Signature("application/vnd.sqlite3", "SQLite format 3\u{0}"),
        Signature("application/vnd.apache.parquet", "PAR1", isWeak: true),
        Signature("application/x-hdf5", [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]),
        Signature("application/dicom", "DICM", at: 128),
        Signature("model/gltf-binary", "glTF", isWeak: true),
        Signature("font/woff", "wOFF"),
        Signature("font/woff2", "wOF2"),
        Signature("font/otf", "OTTO", isWeak: true),
        Signature("font/ttf", [0x00, 0x01, 0x00, 0x00, 0x00]),
    ]
}
