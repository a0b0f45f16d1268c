/// What the extensions of file names say of files.
public enum FileExtension {
    /// The media type that an extension, in small letters and without its dot, stands for; `nil` if none is known.
    public static func type(of ending: some StringProtocol) -> String? { types[TextKey(ending)] }

    /// Every media type that some extension stands for.
    public static let knownTypes = Set(byType.map(\.type))

    /// The extension of a name in small letters; `nil` if it has none.
    public static func last(of name: String) -> String? {
        guard let (stem, ending) = name.cutAtLast("."), !stem.isEmpty, !ending.isEmpty else { return nil }
        return ending.asciiLowercased()
    }

    /// Everything in a name that some system would take for an extension, in small letters: what follows each dot, up to
    /// the first character that no extension has.
    ///
    /// A web server with several handlers looks at every extension, not only at the last. Windows drops dots and spaces at
    /// the end, and what follows a colon; others cut a name at a NUL, a `;` or a `%00`. Systems that fold names
    /// (UAX #15, NFKC; Windows' best-fit code pages) make a plain dot or letter of a full-width one, or ignore what does
    /// not show.
    public static func all(in name: String) -> [String] {
        let plain = folded(name.unicodeScalars)
        var found = endings(of: plain)
        if name.has("%") {
            let decoded = String(decoding: PercentEncoding.decoded(name.utf8).bytes, as: UTF8.self)
            found += endings(of: folded(decoded.unicodeScalars))
        }
        return found
    }

    private static func endings(of name: [UInt8]) -> [String] {
        name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).dropFirst().compactMap { piece in
            let ending = piece.drop { $0 == 0x20 }.prefix {
                $0.isASCIILetter || $0.isASCIIDigit || "_-+".utf8.contains($0)
            }
            return ending.isEmpty ? nil : String(decoding: ending, as: UTF8.self)
        }
    }

    /// The name as bytes of ASCII, in small letters; 0 stands for a character that is like none of them.
    private static func folded(_ scalars: String.UnicodeScalarView) -> [UInt8] {
        var bytes: [UInt8] = []
        for scalar in scalars {
            switch scalar.value {
            case 0x41...0x5A: bytes.append(UInt8(scalar.value) | 0x20)
            case 0...0x7F: bytes.append(UInt8(scalar.value))
            // One, two and three dot leader, and the stops of Chinese and of other widths.
            case 0x2024...0x2026, 0x3002, 0xFE19, 0xFE52, 0xFF61: bytes.append(UInt8(ascii: "."))
            case 0xFF01...0xFF5E:
                let plain = UInt8(scalar.value - 0xFEE0)
                bytes.append((0x41...0x5A).contains(plain) ? plain | 0x20 : plain)
            // The long s is an S in capitals, the Kelvin sign a k in small letters, the dotless i an I in capitals.
            case 0x17F: bytes.append(UInt8(ascii: "s"))
            case 0x212A: bytes.append(UInt8(ascii: "k"))
            case 0x130, 0x131: bytes.append(UInt8(ascii: "i"))
            default:
                // Mathematical letters, in alphabets of 52.
                if (0x1D400...0x1D6A3).contains(scalar.value) {
                    bytes.append(UInt8(ascii: "a") + UInt8((scalar.value - 0x1D400) % 26))
                } else if scalar.properties.isWhitespace {
                    bytes.append(0x20)
                } else if !scalar.properties.isDefaultIgnorableCodePoint {
                    bytes.append(0)
                }
            }
        }
        return bytes
    }

    private static let types: [TextKey: String] = {
        var types: [TextKey: String] = [:]
        for (type, endings) in byType {
            for ending in endings.parts(at: " ") { types[TextKey(ending)] = type }
        }
        return types
    }()

    /// Each type with its extensions; from IANA's registry of media types and the freedesktop.org shared MIME-info
    /// database 2.4, where those name any.
    private static let byType: [(type: String, endings: String)] =
        images + sounds + films + documents + texts + programs + archives + others

    private static let images: [(type: String, endings: String)] = [
        ("image/png", "png"), ("image/jpeg", "jpg jpeg jpe jfif"), ("image/gif", "gif"), ("image/webp", "webp"),
        ("image/bmp", "bmp dib"), ("image/tiff", "tif tiff"), ("image/x-icon", "ico cur"),
        ("image/svg+xml", "svg"), ("image/avif", "avif"), ("image/heic", "heic"), ("image/heif", "heif"),
        ("image/jxl", "jxl"), ("image/jp2", "jp2"), ("image/vnd.adobe.photoshop", "psd"),
        ("image/x-adobe-dng", "dng"), ("image/x-canon-cr2", "cr2"), ("image/x-nikon-nef", "nef"),
        ("image/x-xcf", "xcf"), ("image/vnd.djvu", "djvu djv"),
    ]

    private static let sounds: [(type: String, endings: String)] = [
        ("audio/mpeg", "mp3"), ("audio/mp4", "m4a m4b"), ("audio/aac", "aac"), ("audio/wav", "wav"),
        ("audio/flac", "flac"), ("audio/ogg", "ogg oga"), ("audio/opus", "opus"), ("audio/webm", "weba"),
        ("audio/x-matroska", "mka"), ("audio/midi", "mid midi"), ("audio/aiff", "aif aiff aifc"),
        ("audio/amr", "amr"), ("audio/basic", "au snd"),
    ]

    private static let films: [(type: String, endings: String)] = [
        ("video/mp4", "mp4 m4v"), ("video/quicktime", "mov qt"), ("video/webm", "webm"), ("video/x-matroska", "mkv"),
        ("video/x-msvideo", "avi"), ("video/mpeg", "mpg mpeg"), ("video/ogg", "ogv"), ("video/3gpp", "3gp 3g2"),
        ("video/x-flv", "flv"), ("video/x-ms-wmv", "wmv wma asf"), ("video/mp2t", "ts m2ts"),
    ]

    private static let documents: [(type: String, endings: String)] = [
        ("application/pdf", "pdf"), ("application/postscript", "ps eps"), ("application/rtf", "rtf"),
        ("application/msword", "doc dot"), ("application/vnd.ms-excel", "xls"),
        ("application/vnd.ms-powerpoint", "ppt pps"), ("application/vnd.ms-outlook", "msg"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
        ("application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"),
        ("application/vnd.ms-word.document.macroenabled.12", "docm"),
        ("application/vnd.ms-excel.sheet.macroenabled.12", "xlsm"),
        ("application/vnd.ms-powerpoint.presentation.macroenabled.12", "pptm"),
        ("application/vnd.oasis.opendocument.text", "odt"),
        ("application/vnd.oasis.opendocument.spreadsheet", "ods"),
        ("application/vnd.oasis.opendocument.presentation", "odp"),
        ("application/vnd.oasis.opendocument.graphics", "odg"), ("application/epub+zip", "epub"),
    ]

    private static let texts: [(type: String, endings: String)] = [
        ("text/plain", "txt log text"), ("text/markdown", "md markdown"), ("text/csv", "csv"),
        ("text/tab-separated-values", "tsv"), ("text/html", "html htm xhtml xht shtml"), ("text/css", "css"),
        ("text/javascript", "js mjs cjs"), ("application/json", "json"), ("application/xml", "xml xsl xslt"),
        ("application/yaml", "yaml yml"), ("text/calendar", "ics"), ("text/vcard", "vcf"),
        ("application/geo+json", "geojson"), ("model/gltf+json", "gltf"), ("application/gpx+xml", "gpx"),
        ("application/vnd.google-earth.kml+xml", "kml"), ("message/rfc822", "eml"),
    ]

    private static let programs: [(type: String, endings: String)] = [
        ("application/vnd.microsoft.portable-executable", "exe dll scr sys cpl ocx efi"),
        ("application/x-elf", "elf so ko"), ("application/x-mach-binary", "dylib macho"),
        ("application/java-vm", "class"), ("application/wasm", "wasm"), ("application/x-dex", "dex"),
        ("application/x-msi", "msi"), ("application/x-ms-shortcut", "lnk"), ("application/x-bat", "bat cmd"),
        ("application/x-powershell", "ps1 psm1"), ("text/vbscript", "vbs vbe wsf"), ("application/hta", "hta"),
        ("text/x-shellscript", "sh bash zsh ksh csh"), ("text/x-python", "py pyw"), ("application/x-perl", "pl pm cgi"),
        ("application/x-ruby", "rb"), ("application/x-httpd-php", "php php3 php4 php5 php7 php8 phtml phar phps"),
        ("application/x-aspx", "asp aspx ashx asmx"), ("application/x-jsp", "jsp jspx"),
        ("application/x-shockwave-flash", "swf"), ("application/x-chrome-extension", "crx"),
    ]

    private static let archives: [(type: String, endings: String)] = [
        ("application/zip", "zip"), ("application/gzip", "gz tgz"), ("application/x-bzip2", "bz2 tbz2"),
        ("application/x-xz", "xz txz"), ("application/zstd", "zst"), ("application/x-7z-compressed", "7z"),
        ("application/vnd.rar", "rar"), ("application/x-tar", "tar"), ("application/java-archive", "jar war"),
        ("application/vnd.android.package-archive", "apk"), ("application/vnd.ms-cab-compressed", "cab"),
        ("application/x-lz4", "lz4"), ("application/vnd.debian.binary-package", "deb"), ("application/x-rpm", "rpm"),
    ]

    private static let others: [(type: String, endings: String)] = [
        ("font/woff", "woff"), ("font/woff2", "woff2"), ("font/ttf", "ttf"), ("font/otf", "otf"),
        ("application/vnd.sqlite3", "sqlite"), ("application/vnd.apache.parquet", "parquet"), ("model/stl", "stl"),
        ("model/gltf-binary", "glb"), ("application/x-hdf5", "h5 hdf5"), ("application/dicom", "dcm"),
    ]
}
