import FPFormats

/// What the first entries of a ZIP archive say of its kind (PKWARE's APPNOTE, section 4.3.7).
enum ZipHead {
    /// The types that are told apart.
    static let types: [String] = byEntry.map(\.type) + byMimetype

    /// The type of the archive that begins with `head`; `nil` where nothing tells that it is another than a plain one.
    static func type(_ head: [UInt8]) -> String? {
        var isOffice = false
        var kind: String?
        for (number, entry) in entries(head).enumerated() {
            // OpenDocument 1.3, part 2, section 3.3, and EPUB OCF 3.3, section 4.3: the first entry, not compressed.
            if number == 0, entry.name.isSame(as: "mimetype") {
                return byMimetype.first { entry.content.starts(with: $0.utf8) }
            }
            isOffice = isOffice || entry.name.isSame(as: "[Content_Types].xml") || entry.name.isSame(as: "_rels/.rels")
            kind = kind ?? byEntry.first { entry.name.begins(with: $0.entry) && (!$0.isOffice || isOffice) }?.type
        }
        return kind
    }

    private static let byEntry: [(entry: String, isOffice: Bool, type: String)] = [
        ("word/", true, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("xl/", true, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("ppt/", true, "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
        ("AndroidManifest.xml", false, "application/vnd.android.package-archive"),
        ("META-INF/MANIFEST.MF", false, "application/java-archive"),
    ]

    private static let byMimetype = [
        "application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.presentation", "application/vnd.oasis.opendocument.graphics",
        "application/epub+zip",
    ]

    /// The entries whose headers are in `head`. Where one's data ends is not always known, so headers are looked for.
    private static func entries(_ head: [UInt8]) -> [(name: String, content: ArraySlice<UInt8>)] {
        var entries: [(name: String, content: ArraySlice<UInt8>)] = []
        var place = 0
        while place + 30 <= head.count {
            guard head[place] == 0x50, head[place..<place + 4].elementsEqual([0x50, 0x4B, 0x03, 0x04]) else {
                place += 1
                continue
            }
            let nameEnd = place + 30 + Int(head[place + 26]) + Int(head[place + 27]) << 8
            let start = nameEnd + Int(head[place + 28]) + Int(head[place + 29]) << 8
            guard nameEnd <= head.count else { break }
            let name = String(decoding: head[place + 30..<nameEnd], as: UTF8.self)
            entries.append((name, head[min(start, head.count)...]))
            place = nameEnd
        }
        return entries
    }
}
