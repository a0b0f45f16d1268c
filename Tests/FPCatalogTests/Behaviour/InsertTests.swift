import FPCatalog
import FPFormats
import Testing

@Suite struct InsertTests {
    private static let texts = [
        "", " ", "a.txt", "../../etc/passwd", "'; DROP TABLE uploads; --", "100% \"quoted\" \\ back", "日本語.png",
        "e\u{301}", "\u{e9}", "👩‍👩‍👧‍👦", "\u{202E}fdp.exe", "line\r\nbreak\ttab", "\u{1}\u{7f}\u{FFFD}\u{10FFFF}", "NULL",
        String(repeating: "long ", count: 5000),
    ]

    private static let records: [UploadRecord] = {
        var receiving = UploadRecord.receiving(at: -5, owner: "somebody", name: "a", size: 1 << 62)
        receiving.session = WriteSession(token: [7], committed: 77)
        var cut = UploadRecord.receiving()
        cut.session = WriteSession(token: [7], committed: 77, received: 99)
        var complete = UploadRecord.complete(at: 1_800_000_000_000, names: ["main.jpg", "thumb.jpg", "big.jpg"])
        complete.metadata = #"{"key": "value"}"#
        complete.files[1].contentType = nil
        complete.files[1].etag = nil
        complete.files[2].size = nil
        var storing = UploadRecord.complete(names: ["one", "two"])
        storing.state = .storing
        storing.files[0].destination = Destination(store: "media", key: "one", token: [0, 255, 0])
        storing.files[1].destination = Destination(store: "archive", key: "two")
        var agreed = UploadRecord.receiving()
        agreed.terms = UploadTerms()
        agreed.terms?.maxSize = .max
        agreed.terms?.types = [.type("application/pdf"), .group("image"), .ending("tar")]
        agreed.terms?.path = "in \"quotes\" \\ ä/{id}"
        agreed.terms?.store = "media"
        agreed.terms?.digests = DigestSet(.sha256, [UInt8](repeating: 7, count: 32))
        return [receiving, cut, complete, storing, agreed, .stored(keys: ["one", "two"])]
            + texts.map { text in
                var upload = UploadRecord.stored(owner: text, store: text, keys: [text])
                upload.metadata = text
                upload.files[0].name = text
                upload.files[0].contentType = text
                upload.files[0].etag = text
                return upload
            }
    }()

    @Test(arguments: CatalogUnderTest.all)
    func `an upload comes back as it was added`(_ withCatalog: CatalogUnderTest) async throws {
        for upload in Self.records {
            try await withCatalog { catalog in
                try await catalog.insert(upload)
                let found = try await catalog.upload(upload.id)
                #expect(found == upload)
                // Equality of strings overlooks how a character is composed.
                #expect(found.map { Array($0.files[0].name.utf8) } == Array(upload.files[0].name.utf8))
            }
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `an id that was never added has no upload, no chunk and nothing to forget`(_ withCatalog: CatalogUnderTest)
        async throws
    {
        try await withCatalog { catalog in
            #expect(try await catalog.upload(.random()) == nil)
            #expect(try await catalog.chunk(of: .random(), at: 0) == nil)
            #expect(try await catalog.upload(store: "media", key: "a") == nil)
            try await catalog.forget(.random())
            try await catalog.touch(.random(), at: 1)
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `an id is taken only once, and the first upload stays as it is`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            let first = UploadRecord.complete()
            try await catalog.insert(first)
            #expect(
                await refusal { try await catalog.insert(.receiving(first.id)) }
                    == .failed)
            #expect(try await catalog.upload(first.id) == first)
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `a path that a stored upload has, or a storing one is going to, is refused whole`(
        _ withCatalog: CatalogUnderTest
    ) async throws {
        try await withCatalog { catalog in
            try await catalog.insert(.stored(keys: ["a", "b"]))
            var storing = UploadRecord.complete()
            storing.state = .storing
            storing.files[0].destination = Destination(store: "media", key: "c")
            try await catalog.insert(storing)
            for (keys, taken) in [(["b"], "b"), (["new", "c"], "c"), (["twice", "twice"], "twice")] {
                let late = UploadRecord.stored(keys: keys)
                #expect(
                    await refusal { try await catalog.insert(late) }
                        == .pathTaken("media", taken)
                )
                #expect(try await catalog.upload(late.id) == nil)
            }
            try await catalog.insert(.stored(store: "archive", keys: ["a"]))
            try await catalog.insert(.stored(keys: ["new", "twice", "A", "a/"]))
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `places of temporary uploads are not paths`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            var first = UploadRecord.complete()
            first.files[0].key = "same"
            var second = UploadRecord.receiving()
            second.files[0].key = "same"
            try await catalog.insert(first)
            try await catalog.insert(second)
            try await catalog.insert(.stored(store: "staging", keys: ["same"]))
        }
    }

    @Test(arguments: CatalogUnderTest.databases)
    func `an upload that cannot be is refused`(_ withCatalog: CatalogUnderTest) async throws {
        var cases: [(String, UploadRecord)] = []
        func add(_ what: String, _ upload: UploadRecord, _ edit: (inout UploadRecord) -> Void) {
            var upload = upload
            edit(&upload)
            cases.append((what, upload))
        }
        add("no file", .complete()) { $0.files = [] }
        add("receiving without a session", .receiving()) { $0.session = nil }
        add("receiving two files", .receiving()) { $0.files += $0.files }
        add("complete with a session", .complete()) { $0.session = WriteSession(token: [1], committed: 0) }
        add("born deleting", .complete()) { $0.state = .deleting }
        add("an empty token", .receiving()) { $0.session?.token = [] }
        add("storing to nowhere", .complete()) { $0.state = .storing }
        add("complete with a destination", .complete()) { $0.files[0].destination = Destination(store: "a", key: "b") }
        add("NUL in the metadata", .complete()) { $0.metadata = "a\0b" }
        add("NUL in the owner", .complete()) { $0.owner = "\0" }
        add("NUL in a name", .complete()) { $0.files[0].name = "a\0" }
        add("NUL in a key", .stored(keys: ["a\0b"])) { _ in }
        add("a size of 64 bits", .complete()) { $0.files[0].size = 1 << 63 }
        add("an offset of 64 bits", .receiving()) { $0.session?.reach(.max) }
        add("less received than committed", .receiving()) { $0.session?.committed = 1 }
        for (what, upload) in cases {
            try await withCatalog { catalog in
                let refused = await refusal { try await catalog.insert(upload) }
                #expect(refused == .failed, "\(what)")
                let found = try await catalog.upload(upload.id)
                #expect(found == nil, "\(what)")
            }
        }
    }

    @Test(arguments: CatalogUnderTest.databases)
    func `a text with a NUL character finds nothing instead of what its beginning names`(
        _ withCatalog: CatalogUnderTest
    ) async throws {
        try await withCatalog { catalog in
            try await catalog.insert(.stored(owner: "me", keys: ["a"]))
            #expect(try await catalog.upload(store: "media", key: "a\0") == nil)
            #expect(try await catalog.upload(store: "media\0", key: "a") == nil)
            #expect(try await catalog.known(keys: ["a\0", "a"], in: "media") == ["a"])
            #expect(try await catalog.known(keys: ["a"], in: "media\0").isEmpty)
            var query = UploadQuery()
            query.owner = "me\0"
            #expect(try await catalog.uploads(matching: query).uploads.isEmpty)
        }
    }
}
