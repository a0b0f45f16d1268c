import FPCatalog
import FPFormats
import Testing

@Suite struct SweepingTests {
    @Test(arguments: CatalogUnderTest.all)
    func `expired uploads come longest untouched first, and only temporary ones`(_ withCatalog: CatalogUnderTest)
        async throws
    {
        try await withCatalog { catalog in
            let old = UploadRecord.complete(at: 10)
            let older = UploadRecord.receiving(at: 20)
            let fresh = UploadRecord.complete(at: 5)
            var stored = UploadRecord.stored(at: 1, keys: ["a"])
            stored.touchedAt = 1
            for upload in [old, older, fresh, stored, .complete(at: 30)] { try await catalog.insert(upload) }
            try await catalog.touch(older.id, at: 2)
            try await catalog.touch(fresh.id, at: 30)
            let deleting = UploadRecord.complete(at: 1)
            try await catalog.insert(deleting)
            _ = try await catalog.beginDeleting(deleting.id, from: [.complete])
            #expect(try await catalog.expired(before: 30, limit: 10).map(\.id) == [older.id, old.id])
            #expect(try await catalog.expired(before: 30, limit: 1).map(\.id) == [older.id])
            #expect(try await catalog.expired(before: 2, limit: 10).isEmpty, "before, not at")
            for limit in [0, -1] { #expect(try await catalog.expired(before: 99, limit: limit).isEmpty) }
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `interrupted uploads can be walked through page by page, oldest first`(_ withCatalog: CatalogUnderTest)
        async throws
    {
        try await withCatalog { catalog in
            var expected: [UploadRecord] = []
            for number in 0..<25 {
                // Several with one time of creation, in the order of their ids.
                let upload = UploadRecord.complete(at: Timestamp(milliseconds: Int64(number / 3)))
                try await catalog.insert(upload)
                if number % 2 == 0 {
                    _ = try await catalog.beginDeleting(upload.id, from: [.complete])
                } else if number % 5 != 0 {
                    _ = try await catalog.beginStoring(
                        upload.id, destinations: [Destination(store: "media", key: "\(number)")]
                    )
                } else {
                    continue
                }
                expected.append(try #require(try await catalog.upload(upload.id)))
            }
            expected.sort { ($0.createdAt, $0.id.description) < ($1.createdAt, $1.id.description) }
            var found: [UploadRecord] = []
            while true {
                let page = try await catalog.uploads(in: [.storing, .deleting], after: found.last?.id, limit: 4)
                #expect(page.count <= 4)
                if page.isEmpty { break }
                found += page
            }
            #expect(found == expected)
            #expect(try await catalog.uploads(in: [], after: nil, limit: 4).isEmpty)
            #expect(try await catalog.uploads(in: [.storing], after: nil, limit: 0).isEmpty)
            #expect(try await catalog.uploads(in: [.storing], after: nil, limit: -1).isEmpty)
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `a walk that forgets what it meets sees each upload once, also those that stay`(
        _ withCatalog: CatalogUnderTest
    ) async throws {
        try await withCatalog { catalog in
            var expected: [UploadID] = []
            for number in 0..<20 {
                let upload = UploadRecord.complete(at: Timestamp(milliseconds: Int64(number)))
                try await catalog.insert(upload)
                _ = try await catalog.beginDeleting(upload.id, from: [.complete])
                expected.append(upload.id)
            }
            var met: [UploadID] = []
            while true {
                let page = try await catalog.uploads(in: [.deleting], after: met.last, limit: 3)
                if page.isEmpty { break }
                for upload in page {
                    met.append(upload.id)
                    if met.count % 4 != 0 { try await catalog.forget(upload.id) }
                }
            }
            #expect(met == expected)
            #expect(try await catalog.counts() == [.deleting: 5])
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `a walk after an id that nobody knows begins with the oldest`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            let upload = UploadRecord.complete()
            try await catalog.insert(upload)
            #expect(try await catalog.uploads(in: [.complete], after: .random(), limit: 5) == [upload])
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `keys and sessions of uploads are known in their own store only`(_ withCatalog: CatalogUnderTest) async throws
    {
        try await withCatalog { catalog in
            let receiving = UploadRecord.receiving()
            let storing = UploadRecord.complete()
            try await catalog.insert(receiving)
            try await catalog.insert(storing)
            try await catalog.insert(.stored(keys: ["stored", "e\u{301}"]))
            _ = try await catalog.beginStoring(
                storing.id, destinations: [Destination(store: "media", key: "storing", token: [7])]
            )
            let keys = ["stored", "e\u{301}", "storing", receiving.files[0].key, storing.files[0].key, "orphan", ""]
            #expect(try await catalog.known(keys: keys, in: "media") == ["stored", "e\u{301}", "storing"])
            #expect(
                try await catalog.known(keys: keys, in: "staging")
                    == [TextKey(receiving.files[0].key), TextKey(storing.files[0].key)]
            )
            #expect(try await catalog.known(keys: ["\u{e9}"], in: "media").isEmpty, "another key to a store")
            #expect(try await catalog.known(keys: [], in: "media").isEmpty)
            let token = receiving.session!.token
            #expect(try await catalog.known(tokens: [token, [7], [8], [], token + [0]]) == [token, [7]])
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `stores and states are counted`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            #expect(try await catalog.storesInUse().isEmpty)
            #expect(try await catalog.counts().isEmpty)
            let storing = UploadRecord.complete(names: ["1", "2"])
            for upload in [.receiving(), .complete(), .stored(keys: ["a", "b", "c"]), storing] {
                try await catalog.insert(upload)
            }
            let destinations = ["x", "y"].map { Destination(store: "archive", key: $0) }
            _ = try await catalog.beginStoring(storing.id, destinations: destinations)
            #expect(try await catalog.storesInUse() == ["staging": 4, "media": 3, "archive": 2])
            #expect(try await catalog.counts() == [.receiving: 1, .complete: 1, .stored: 1, .storing: 1])
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `after closing every call fails, and closing again is fine`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            let upload = UploadRecord.complete()
            try await catalog.insert(upload)
            await catalog.close()
            await catalog.close()
            #expect(await refusal { try await catalog.insert(.complete()) } == .failed)
            #expect(await refusal { try await catalog.upload(upload.id) } == .failed)
            #expect(await refusal { try await catalog.counts() } == .failed)
        }
    }
}
