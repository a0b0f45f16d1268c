import FPCatalog
import FPFormats
import Support

/// Random uploads and queries over so few values that they often meet.
struct RandomWorld {
    private static let stores = ["media", "medi", "archive"]
    private static let keys = [
        "", "a", "a/", "a/b", "a/b/c", "a/%", "a/_", "a0", "A/B", "aa", "b", "e\u{301}", "\u{e9}", "\u{e9}/x",
        "\u{D7FF}",
        "\u{D7FF}z", "\u{E000}", "\u{10FFFF}", "\u{10FFFF}\u{10FFFF}", "\u{10FFFF}a", "日本/語", "日本/誤",
    ]
    private static let owners: [String?] = [nil, nil, "", "ann", "Ann", "bob"]
    static let sources = ["192.0.2.1/32", "2001:db8::/64", "unknown"]
    private static let names = ["", "a.txt", "A.txt", "日本.png"]

    let times: ClosedRange<Int64> = -3...12

    func time(_ random: inout SeededGenerator) -> Timestamp {
        Timestamp(milliseconds: .random(in: times, using: &random))
    }

    func destination(_ random: inout SeededGenerator) -> Destination {
        // Mostly a key that nobody has, or storing would hardly ever succeed.
        let tail = random.chance(60) ? "\(random.next() % 1_000_000)" : ""
        return Destination(store: random.pick(Self.stores), key: random.pick(Self.keys) + tail)
    }

    func file(_ random: inout SeededGenerator) -> FileRecord {
        FileRecord(
            name: random.pick(Self.names), size: random.pick([nil, 0, 5, 1 << 62]),
            contentType: random.pick([nil, "text/plain"]), etag: random.pick([nil, "e"]),
            store: random.pick(Self.stores),
            key: random.pick(Self.keys), digests: digests(&random), verifiedAt: random.pick([nil, time(&random)])
        )
    }

    func digests(_ random: inout SeededGenerator) -> FileDigests {
        FileDigests(
            sha256: random.pick([nil, [UInt8](repeating: 7, count: 32)]), crc64: random.pick([nil, 0, .max, 1 << 63]))
    }

    func upload(_ id: UploadID, _ random: inout SeededGenerator) -> UploadRecord {
        let state = random.pick([UploadState.receiving, .complete, .storing, .stored])
        let count = state == .receiving ? 1 : random.pick([1, 1, 1, 2, 3])
        var upload = UploadRecord(
            id: id, state: state, createdAt: time(&random), touchedAt: time(&random),
            metadata: random.pick([nil, "{}"]), owner: random.pick(Self.owners),
            files: (0..<count).map { _ in file(&random) }
        )
        if random.chance(30) {
            var terms = UploadTerms()
            terms.maxSize = random.pick([nil, 7, .max])
            terms.types = random.pick([[], [.group("image"), .ending("pdf")]])
            terms.path = random.pick([nil, "a/{id}"])
            terms.store = random.pick([nil, "media"])
            terms.digests = random.pick([DigestSet(), DigestSet(.md5, [UInt8](repeating: 7, count: 16))])
            upload.terms = terms
        }
        switch state {
        case .receiving:
            upload.session = WriteSession(
                token: [UInt8.random(in: 0...9, using: &random)], committed: 0, received: random.pick([0, 0, 7]),
                digest: random.pick([nil, [], [1, 2]]))
        case .storing:
            for number in upload.files.indices { upload.files[number].destination = destination(&random) }
        case .stored:
            upload.storedAt = time(&random)
            for number in upload.files.indices {
                let place = destination(&random)
                upload.files[number].store = place.store
                upload.files[number].key = place.key
            }
        case .complete: upload.completedAt = time(&random)
        case .deleting: break
        }
        return upload
    }

    func limits(_ random: inout SeededGenerator) -> OwnerLimits {
        OwnerLimits(
            bytes: random.pick([nil, nil, 0, 10, 1 << 51]), uploads: random.pick([nil, nil, 1, 2]),
            inProgress: random.pick([nil, nil, 0, 1]))
    }

    func source(_ random: inout SeededGenerator) -> UploadSource? {
        random.chance(50) ? nil : UploadSource(name: random.pick(Self.sources), inProgress: random.pick([0, 1, 2, 9]))
    }

    func query(_ random: inout SeededGenerator) -> UploadQuery {
        var query = UploadQuery()
        if random.chance(40) { query.states = Set(UploadState.allCases.filter { _ in random.chance(50) }) }
        if random.chance(40) { query.store = random.pick(Self.stores + ["none"]) }
        if random.chance(40) { query.keyPrefix = random.pick(Self.keys) }
        if random.chance(25) { query.name = random.pick(Self.names) }
        if random.chance(25) { query.owner = random.pick(Self.owners) ?? "nobody" }
        if random.chance(30) { query.createdFrom = time(&random) }
        if random.chance(30) { query.createdBefore = time(&random) }
        if random.chance(20) { query.verifiedBefore = time(&random) }
        query.newestFirst = random.chance(50)
        return query
    }
}

extension UploadID {
    /// An id that the seed brings back: its place among uploads of one moment depends on it.
    static func random(_ random: inout SeededGenerator) -> UploadID {
        let letters = Array("23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
        return UploadID(String((0..<length).map { _ in letters.randomElement(using: &random)! }))!
    }
}

extension SeededGenerator {
    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements.randomElement(using: &self)! }
}
