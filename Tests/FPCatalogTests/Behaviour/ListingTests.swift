import FPCatalog
import FPFormats
import Support
import Testing

@Suite struct ListingTests {
    /// Everything that a query matches, page by page.
    private func all(_ query: UploadQuery, of catalog: any Catalog, limit: Int) async throws -> [UploadRecord] {
        var query = query
        query.limit = limit
        var found: [UploadRecord] = []
        repeat {
            let page = try await catalog.uploads(matching: query)
            #expect(page.uploads.count <= limit)
            #expect(page.next == nil || page.uploads.count == limit)
            found += page.uploads
            query.cursor = page.next
        } while query.cursor != nil
        return found
    }

    @Test(arguments: CatalogUnderTest.all)
    func `a listing shows everything but what is being deleted, oldest first`(_ withCatalog: CatalogUnderTest)
        async throws
    {
        try await withCatalog { catalog in
            let uploads = [UploadRecord.stored(at: 1, keys: ["a"]), .receiving(at: 2), .complete(at: 3)]
            for upload in uploads.reversed() { try await catalog.insert(upload) }
            let gone = UploadRecord.complete(at: 4)
            try await catalog.insert(gone)
            _ = try await catalog.beginDeleting(gone.id, from: [.complete])
            var query = UploadQuery()
            #expect(try await catalog.uploads(matching: query) == UploadPage(uploads: uploads, next: nil))
            query.newestFirst = true
            #expect(try await catalog.uploads(matching: query).uploads == uploads.reversed())
            query.states = [.deleting]
            #expect(try await catalog.uploads(matching: query).uploads.map(\.id) == [gone.id])
            query.states = []
            #expect(try await catalog.uploads(matching: query).uploads.isEmpty)
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `a limit outside 1 to 1000 counts as the nearest`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            for number in 0..<1002 { try await catalog.insert(.complete(at: Timestamp(milliseconds: Int64(number)))) }
            for (limit, count) in [(-1, 1), (0, 1), (1, 1), (1000, 1000), (1001, 1000), (.max, 1000)] {
                var query = UploadQuery()
                query.limit = limit
                let page = try await catalog.uploads(matching: query)
                #expect(page.uploads.count == count)
                #expect(page.next != nil)
            }
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `a page goes on where the one before ended, whatever happened in between`(_ withCatalog: CatalogUnderTest)
        async throws
    {
        try await withCatalog { catalog in
            let uploads = (0..<6).map { UploadRecord.complete(at: Timestamp(milliseconds: $0 * 10)) }
            for upload in uploads { try await catalog.insert(upload) }
            var query = UploadQuery()
            query.limit = 2
            query.cursor = try await catalog.uploads(matching: query).next
            try await catalog.forget(uploads[1].id)
            try await catalog.forget(uploads[2].id)
            try await catalog.insert(.complete(at: 5))
            let late = UploadRecord.complete(at: 35)
            try await catalog.insert(late)
            #expect(try await catalog.uploads(matching: query).uploads.map(\.id) == [uploads[3].id, late.id])
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `keys that begin with their upload's id are found like any others`(_ withCatalog: CatalogUnderTest)
        async throws
    {
        try await withCatalog { catalog in
            var (own, variant, foreign) = (UploadRecord.complete(), UploadRecord.complete(), UploadRecord.complete())
            own.files[0].key = "\(own.id)/x"
            variant.files.append(variant.files[0])
            variant.files[0].key = "\(variant.id)"
            variant.files[1].key = "\(variant.id)/x"
            foreign.files[0].key = "\(own.id)/y"
            for upload in [own, variant, foreign] { try await catalog.insert(upload) }
            func listed(_ prefix: some StringProtocol) async throws -> Set<UploadID> {
                var query = UploadQuery()
                query.store = "staging"
                query.keyPrefix = String(prefix)
                return Set(try await catalog.uploads(matching: query).uploads.map(\.id))
            }
            for upload in [own, variant, foreign] {
                let key = upload.files.last!.key
                for length in 0...key.utf8.count {
                    let prefix = key.prefix(length)
                    let expected = [own, variant, foreign].filter { $0.files.contains { $0.key.hasPrefix(prefix) } }
                    #expect(try await listed(prefix) == Set(expected.map(\.id)), "\(prefix)")
                }
                #expect(try await listed(key + "/").isEmpty)
            }
            #expect(try await listed(own.id.description.prefix(10) + "\u{301}").isEmpty)
            let keys = [own, variant, foreign].flatMap { $0.files.map(\.key) }
            let others = ["\(own.id)", "\(own.id)/", "\(variant.id)/y", "\(foreign.id)/y"]
            #expect(try await catalog.known(keys: keys + others, in: "staging") == Set(keys.map { TextKey($0) }))
            #expect(try await catalog.known(keys: keys, in: "media").isEmpty)
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `a cursor is good for its own query only, with any limit`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            for number in 0..<5 {
                try await catalog.insert(.stored(at: 1, owner: "me", keys: ["a/\(number)"]))
            }
            var query = UploadQuery()
            query.limit = 2
            query.states = [.stored, .complete]
            query.store = "media"
            query.keyPrefix = "a/"
            query.owner = "me"
            query.createdFrom = 0
            query.createdBefore = 9
            query.cursor = try await catalog.uploads(matching: query).next
            try #require(query.cursor != nil)
            let edits: [@Sendable (inout UploadQuery) -> Void] = [
                { $0.states = [.stored] }, { $0.states = nil }, { $0.store = nil }, { $0.store = "medi" },
                { $0.keyPrefix = "a" }, { $0.keyPrefix = nil }, { $0.name = "" }, { $0.owner = nil },
                { $0.owner = "you" }, { $0.createdFrom = 1 }, { $0.createdFrom = nil }, { $0.createdBefore = nil },
                { $0.newestFirst = true }, { ($0.store, $0.keyPrefix) = ("mediaa", "/") },
                { ($0.createdFrom, $0.createdBefore) = (nil, 0) },
            ]
            for edit in edits {
                var other = query
                edit(&other)
                let refused = await refusal {
                    try await catalog.uploads(matching: other)
                }
                #expect(refused == .badCursor, "\(other)")
            }
            query.limit = 50
            #expect(try await catalog.uploads(matching: query).uploads.count == 3)
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `a cursor that was changed in any place is refused`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            for _ in 0..<3 { try await catalog.insert(.complete()) }
            var query = UploadQuery()
            query.limit = 1
            let cursor = try #require(try await catalog.uploads(matching: query).next)
            var forgeries = [
                "", "0", "zz", cursor + "0", cursor + "00", String(cursor.dropLast()), cursor.uppercased(),
            ]
            let letters = Array(cursor)
            for place in letters.indices {
                var changed = letters
                changed[place] = changed[place] == "7" ? "8" : "7"
                forgeries.append(String(changed))
            }
            for forgery in forgeries where forgery != cursor {
                query.cursor = forgery
                let refused = await refusal {
                    try await catalog.uploads(matching: query)
                }
                #expect(refused == .badCursor, "\(forgery)")
            }
            query.cursor = cursor
            #expect(try await catalog.uploads(matching: query).uploads.count == 1)
        }
    }

    @Test(arguments: CatalogUnderTest.databases, 0..<8)
    func `any query lists the same as a search from end to end`(_ withCatalog: CatalogUnderTest, _ round: Int)
        async throws
    {
        var random = SeededGenerator()
        let seed = random.seed
        print("random listing: FPHOST_TEST_SEED=\(seed)")
        try await withCatalog { catalog in
            let model = ModelCatalog()
            let world = RandomWorld()
            for _ in 0..<120 {
                let upload = world.upload(.random(&random), &random)
                let refused = await refusal { try await model.insert(upload) }
                #expect(await refusal { try await catalog.insert(upload) } == refused)
                if random.chance(10) {
                    _ = try await catalog.beginDeleting(upload.id, from: [upload.state])
                    _ = try await model.beginDeleting(upload.id, from: [upload.state])
                }
            }
            for _ in 0..<60 {
                let query = world.query(&random)
                let limit = random.pick([1, 2, 3, 7, 50, 1000])
                let expected = try await all(query, of: model, limit: 1000)
                let found = try await all(query, of: catalog, limit: limit)
                #expect(found == expected, "seed \(seed), \(query)")
            }
        }
    }
}
