import FPCatalog
import Testing

@Suite struct DeletingTests {
    @Test(arguments: CatalogUnderTest.all)
    func `deleting begins only from the states that are named`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            for upload in [UploadRecord.receiving(), .complete(), .stored(keys: ["a"])] {
                try await catalog.insert(upload)
                let others = Set(UploadState.allCases).subtracting([upload.state])
                #expect(try await catalog.beginDeleting(upload.id, from: others) == nil)
                #expect(try await catalog.beginDeleting(upload.id, from: []) == nil)
                #expect(try await catalog.upload(upload.id) == upload)
                #expect(try await catalog.beginDeleting(upload.id, from: [upload.state]) == upload)
                var deleting = upload
                deleting.state = .deleting
                #expect(try await catalog.upload(upload.id) == deleting, "all that it takes to remove the bytes stays")
            }
            #expect(try await catalog.beginDeleting(.random(), from: Set(UploadState.allCases)) == nil)
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `one that is being deleted is returned again`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            let upload = UploadRecord.complete()
            try await catalog.insert(upload)
            _ = try await catalog.beginDeleting(upload.id, from: [.complete])
            var deleting = upload
            deleting.state = .deleting
            #expect(try await catalog.beginDeleting(upload.id, from: [.complete]) == deleting)
            #expect(try await catalog.beginDeleting(upload.id, from: []) == deleting)
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `a storing upload that is being deleted still says where its bytes may be`(_ withCatalog: CatalogUnderTest)
        async throws
    {
        try await withCatalog { catalog in
            let upload = UploadRecord.complete()
            try await catalog.insert(upload)
            _ = try await catalog.beginStoring(upload.id, destinations: [Destination(store: "media", key: "a")])
            try await catalog.recordStoringSession(upload.id, file: 0, token: [4], at: 1)
            let before = try await catalog.beginDeleting(upload.id, from: [.storing])
            #expect(before?.state == .storing)
            let after = try await catalog.upload(upload.id)
            #expect(after?.state == .deleting)
            #expect(after?.files == before?.files)
            #expect(after?.files[0].destination == Destination(store: "media", key: "a", token: [4]))
            #expect(try await catalog.finishStoring(upload.id, etags: [nil], at: 2) == false)
            #expect(try await catalog.abandonStoring(upload.id, at: 2) == false)
            #expect(try await catalog.known(keys: ["a"], in: "media") == ["a"])
            #expect(try await catalog.known(tokens: [[4]]) == [[4]])
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `a stored upload that is being deleted is not found at its path`(_ withCatalog: CatalogUnderTest) async throws
    {
        try await withCatalog { catalog in
            let upload = UploadRecord.stored(keys: ["a"])
            try await catalog.insert(upload)
            _ = try await catalog.beginDeleting(upload.id, from: [.stored])
            #expect(try await catalog.upload(store: "media", key: "a") == nil)
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `a forgotten upload leaves no trace`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            var upload = UploadRecord.receiving(owner: "me")
            upload.metadata = "{}"
            try await catalog.insert(upload)
            _ = try await catalog.advance(upload.id, by: ChunkArrival(0, 1))
            try await catalog.forget(upload.id)
            #expect(try await catalog.upload(upload.id) == nil)
            #expect(try await catalog.chunk(of: upload.id, at: 0) == nil)
            #expect(try await catalog.known(keys: [upload.files[0].key], in: "staging").isEmpty)
            #expect(try await catalog.known(tokens: [upload.session!.token]).isEmpty)
            #expect(try await catalog.counts().values.reduce(0, +) == 0)
            #expect(try await catalog.storesInUse().isEmpty)
            #expect(try await catalog.expired(before: 99, limit: 9).isEmpty)
            try await catalog.insert(upload)
            #expect(try await catalog.upload(upload.id) == upload)
            #expect(try await catalog.chunk(of: upload.id, at: 0) == nil)
        }
    }
}
