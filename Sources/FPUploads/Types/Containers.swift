import FPFormats

/// Formats that hold files of many types.
enum Container {
    /// For each type that only bytes of its own can prove, what else a file with those bytes may be.
    static let contents: [String: Set<String>] = [
        "application/zip": Set(ZipHead.types).union([
            "application/vnd.ms-word.document.macroenabled.12", "application/vnd.ms-excel.sheet.macroenabled.12",
            "application/vnd.ms-powerpoint.presentation.macroenabled.12", "application/vnd.android.package-archive",
        ]),
        "application/x-ole-storage": [
            "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint",
            "application/vnd.ms-outlook", "application/x-msi",
        ],
        "video/mp4": ["audio/mp4", "video/quicktime", "video/3gpp"],
        "video/quicktime": ["video/mp4"],
        "video/3gpp": ["video/mp4", "audio/mp4"],
        "audio/mp4": ["video/mp4"],
        "image/heif": ["image/heic", "image/avif"],
        "image/heic": ["image/heif"],
        "video/webm": ["video/x-matroska", "audio/webm", "audio/x-matroska"],
        "video/x-matroska": ["video/webm", "audio/webm", "audio/x-matroska"],
        "application/ogg": ["audio/ogg", "video/ogg", "audio/opus"],
        "image/tiff": ["image/x-adobe-dng", "image/x-canon-cr2", "image/x-nikon-nef"],
        // What a tag of this kind stands before cannot be told from the beginning of the file.
        "audio/mpeg": ["audio/aac", "audio/flac"],
    ]

    /// What markup or a script may be besides.
    static let dialects: [String: Set<String>] = [
        "application/xml": [
            "image/svg+xml", "text/html", "application/gpx+xml", "application/vnd.google-earth.kml+xml",
        ],
        "text/x-shellscript": ["text/x-python", "application/x-perl", "application/x-ruby", "application/x-httpd-php"],
    ]

    /// Whether a file that shows `found` may be a `type`. An archive with the entries of a document is an archive too.
    static func may(_ found: String, be type: String) -> Bool {
        found.isSame(as: type) || isOpen(found, to: type)
            || type.isSame(as: "application/zip") && ZipHead.types.contains(found)
    }

    /// Whether `found` does not tell whether a file is a `type`.
    static func isOpen(_ found: String, to type: String) -> Bool {
        contents[found]?.contains(type) == true || dialects[found]?.contains(type) == true
    }

    /// Every type that a file is not of without bytes that say so.
    static let provable = Set(Signature.all.map(\.type) + Array(contents.keys) + contents.values.flatMap { $0 })

    /// The type by an ISO base media file's brands (ISO/IEC 14496-12, section 4.3; 23008-12, section 10; AVIF,
    /// section 6); `nil` if the file is none.
    static func byBrands(_ head: [UInt8]) -> String? {
        guard head.count >= 12, head[4..<8].elementsEqual("ftyp".utf8) else { return nil }
        let length = head[..<4].reduce(0) { $0 << 8 | Int($1) }
        let end = min(max(length, 12), head.count)
        let others = stride(from: 16, to: end - 3, by: 4).map { String(decoding: head[$0..<$0 + 4], as: UTF8.self) }
        let brands = [String(decoding: head[8..<12], as: UTF8.self)] + others
        for brand in brands { if let type = imageBrands[brand] { return type } }
        if brands.contains(where: { $0.isSame(as: "mif1") || $0.isSame(as: "msf1") }) { return "image/heif" }
        if brands[0].begins(with: "qt") { return "video/quicktime" }
        if ["M4A ", "M4B "].contains(brands[0]) { return "audio/mp4" }
        return brands[0].begins(with: "3g") ? "video/3gpp" : "video/mp4"
    }

    private static let imageBrands: [String: String] = [
        "avif": "image/avif", "avis": "image/avif", "heic": "image/heic", "heix": "image/heic", "heim": "image/heic",
        "heis": "image/heic", "hevc": "image/heic", "hevx": "image/heic",
    ]

    /// The type by an EBML header's DocType (RFC 8794, section 11.2.6); `nil` if the file has no such header.
    static func byDocType(_ head: [UInt8]) -> String? {
        guard head.starts(with: [0x1A, 0x45, 0xDF, 0xA3]) else { return nil }
        let header = head.prefix(64)
        return header.indices.contains { header[$0...].starts(with: [0x42, 0x82, 0x88] + Array("matroska".utf8)) }
            ? "video/x-matroska" : "video/webm"
    }
}
