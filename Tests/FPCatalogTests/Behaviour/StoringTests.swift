import FPCatalog
import FPFormats
import Testing

@Suite struct StoringTests {
    private func destinations(_ keys: String..., in store: String = "media") -> [Destination] {
        keys.map { Destination(store: store, key: $0) }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `a complete upload goes to its destinations and is found there once it is stored`(
        _ withCatalog: CatalogUnderTest
    ) async throws {
        try await withCatalog { catalog in
            var upload = UploadRecord.complete(names: ["main", "variant"])
            try await catalog.insert(upload)
            let targets = [Destination(store: "media", key: "x/main"), Destination(store: "archive", key: "x/v")]
            #expect(try await catalog.beginStoring(upload.id, destinations: targets))
            upload.state = .storing
            upload.files[0].destination = targets[0]
            upload.files[1].destination = targets[1]
            #expect(try await catalog.upload(upload.id) == upload)
            #expect(try await catalog.upload(store: "media", key: "x/main") == nil, "not there yet")

            try await catalog.recordStoringSession(upload.id, file: 1, token: [1, 2, 3], at: 1)
            upload.files[1].destination?.token = [1, 2, 3]
            #expect(try await catalog.upload(upload.id) == upload)

            #expect(try await catalog.finishStoring(upload.id, etags: ["e", nil], at: 9))
            upload.state = .stored
            upload.storedAt = 9
            for (number, etag) in ["e", nil].enumerated() {
                upload.files[number].store = targets[number].store
                upload.files[number].key = targets[number].key
                upload.files[number].etag = etag
                upload.files[number].destination = nil
            }
            #expect(try await catalog.upload(upload.id) == upload)
            #expect(try await catalog.upload(store: "media", key: "x/main") == upload)
            #expect(try await catalog.upload(store: "archive", key: "x/v") == upload)
            #expect(try await catalog.upload(store: "media", key: "x/v") == nil)
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `a stored upload has no chunks any more`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            let upload = UploadRecord.receiving()
            try await catalog.insert(upload)
            let chunk = ChunkRecord(offset: 0, length: 3, fingerprint: 3)
            _ = try await catalog.complete(upload.id, file: upload.files[0], chunk: chunk, at: 2)
            _ = try await catalog.beginStoring(upload.id, destinations: destinations("a"))
            #expect(try await catalog.chunk(of: upload.id, at: 0) == chunk)
            _ = try await catalog.finishStoring(upload.id, etags: [nil], at: 3)
            #expect(try await catalog.chunk(of: upload.id, at: 0) == nil)
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `an abandoned upload is complete again, and its path is free`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            var upload = UploadRecord.complete()
            try await catalog.insert(upload)
            _ = try await catalog.beginStoring(upload.id, destinations: destinations("a"))
            try await catalog.recordStoringSession(upload.id, file: 0, token: [1], at: 1)
            #expect(try await catalog.abandonStoring(upload.id, at: 7))
            upload.touchedAt = 7
            #expect(try await catalog.upload(upload.id) == upload)
            let second = UploadRecord.complete()
            try await catalog.insert(second)
            #expect(try await catalog.beginStoring(second.id, destinations: destinations("a")))
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `a path is taken from the beginning of storing until the upload is forgotten`(
        _ withCatalog: CatalogUnderTest
    ) async throws {
        try await withCatalog { catalog in
            let holder = UploadRecord.complete()
            let other = UploadRecord.complete(names: ["1", "2"])
            try await catalog.insert(holder)
            try await catalog.insert(other)
            let wanted = destinations("free", "a")
            func expectTaken(_ when: String) async throws {
                let refused = await refusal {
                    try await catalog.beginStoring(other.id, destinations: wanted)
                }
                #expect(refused == .pathTaken("media", "a"), "\(when)")
                #expect(try await catalog.upload(other.id) == other, "\(when)")
            }
            _ = try await catalog.beginStoring(holder.id, destinations: destinations("a"))
            try await expectTaken("storing")
            _ = try await catalog.finishStoring(holder.id, etags: [nil], at: 2)
            try await expectTaken("stored")
            _ = try await catalog.beginDeleting(holder.id, from: [.stored])
            try await expectTaken("deleting: its bytes may still be removed from there")
            try await catalog.forget(holder.id)
            #expect(try await catalog.beginStoring(other.id, destinations: wanted))
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `a move inside the staging store takes the path and lets the staging key go`(
        _ withCatalog: CatalogUnderTest
    ) async throws {
        try await withCatalog { catalog in
            let upload = UploadRecord.complete()
            let stagingKey = upload.files[0].key
            try await catalog.insert(upload)
            _ = try await catalog.beginStoring(upload.id, destinations: destinations("final", in: "staging"))
            #expect(
                try await catalog.known(keys: [stagingKey, "final"], in: "staging") == [TextKey(stagingKey), "final"])
            _ = try await catalog.finishStoring(upload.id, etags: [nil], at: 2)
            #expect(try await catalog.known(keys: [stagingKey, "final"], in: "staging") == ["final"])
            let newcomer = UploadRecord.complete()
            try await catalog.insert(newcomer)
            // Whether a staging key may be a path is not for the catalog to say.
            #expect(try await catalog.beginStoring(newcomer.id, destinations: destinations(stagingKey, in: "staging")))
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `two files of one upload cannot go to one place`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            let upload = UploadRecord.complete(names: ["1", "2"])
            try await catalog.insert(upload)
            let refused = await refusal {
                try await catalog.beginStoring(upload.id, destinations: destinations("a", "a"))
            }
            #expect(refused == .pathTaken("media", "a"))
            #expect(try await catalog.upload(upload.id) == upload)
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `a list of the wrong length is refused and changes nothing`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            let upload = UploadRecord.complete(names: ["1", "2"])
            try await catalog.insert(upload)
            for wrong in [[], destinations("a"), destinations("a", "b", "c")] {
                let refused = await refusal {
                    try await catalog.beginStoring(upload.id, destinations: wrong)
                }
                #expect(refused == .failed)
            }
            #expect(try await catalog.upload(upload.id) == upload)
            #expect(try await catalog.beginStoring(upload.id, destinations: destinations("a", "b")))
            let storing = try await catalog.upload(upload.id)
            let refused = await refusal {
                try await catalog.finishStoring(upload.id, etags: ["e"], at: 2)
            }
            #expect(refused == .failed)
            #expect(try await catalog.upload(upload.id) == storing)
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `what only a storing upload does leaves any other as it is`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            for upload in [UploadRecord.receiving(), .complete(), .stored(keys: ["a"])] {
                try await catalog.insert(upload)
                #expect(try await catalog.finishStoring(upload.id, etags: [nil], at: 9) == false)
                #expect(try await catalog.abandonStoring(upload.id, at: 9) == false)
                let refused = await refusal {
                    try await catalog.recordStoringSession(upload.id, file: 0, token: [1], at: 1)
                }
                #expect(refused == .failed)
                if upload.state != .complete {
                    #expect(try await catalog.beginStoring(upload.id, destinations: destinations("b")) == false)
                }
                #expect(try await catalog.upload(upload.id) == upload)
            }
            let storing = UploadRecord.complete()
            try await catalog.insert(storing)
            _ = try await catalog.beginStoring(storing.id, destinations: destinations("c"))
            #expect(try await catalog.beginStoring(storing.id, destinations: destinations("d")) == false)
            for file in [-1, 1] {
                let refused = await refusal {
                    try await catalog.recordStoringSession(storing.id, file: file, token: [1], at: 1)
                }
                #expect(refused == .failed)
            }
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `of 64 uploads that want one path at once exactly one gets it`(_ withCatalog: CatalogUnderTest) async throws {
        try await withCatalog { catalog in
            let uploads = (0..<64).map { _ in UploadRecord.complete() }
            for upload in uploads { try await catalog.insert(upload) }
            let outcomes = await withTaskGroup(of: Refusal?.self) { group in
                for upload in uploads {
                    group.addTask {
                        await refusal {
                            _ = try await catalog.beginStoring(
                                upload.id, destinations: [Destination(store: "media", key: "the one")]
                            )
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.count { $0 == nil } == 1)
            #expect(outcomes.count { $0 == .pathTaken("media", "the one") } == 63)
            #expect(try await catalog.counts() == [.complete: 63, .storing: 1])
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `of 64 uploads that want one name at once each gets a number of its own, without a gap`(
        _ withCatalog: CatalogUnderTest
    ) async throws {
        try await withCatalog { catalog in
            let uploads = (0..<64).map { _ in UploadRecord.complete() }
            for upload in uploads { try await catalog.insert(upload) }
            let numbers = try await withThrowingTaskGroup(of: Int?.self) { group in
                for upload in uploads {
                    group.addTask {
                        try await catalog.beginStoring(upload.id, from: 1) { number in
                            [Destination(store: "media", key: "name_\(number)")]
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(numbers.compactMap(\.self).sorted() == Array(1...64))
            for upload in uploads {
                let key = try #require(await catalog.upload(upload.id)?.files[0].destination?.key)
                #expect(key.hasPrefix("name_"))
            }
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `a number is one with which every file has a free place, from the first that was asked for`(
        _ withCatalog: CatalogUnderTest
    ) async throws {
        try await withCatalog { catalog in
            for key in ["b_1", "a_2", "b_3"] {
                let holder = UploadRecord.complete()
                try await catalog.insert(holder)
                _ = try await catalog.beginStoring(holder.id, destinations: destinations(key))
            }
            let upload = UploadRecord.complete(names: ["a.txt", "b.txt"])
            try await catalog.insert(upload)
            let places: @Sendable (Int) -> [Destination] = { number in
                ["a", "b"].map { Destination(store: "media", key: "\($0)_\(number)") }
            }
            #expect(try await catalog.beginStoring(upload.id, from: 1, destinations: places) == 4)
            #expect(try await catalog.upload(upload.id)?.files.map(\.destination?.key) == ["a_4", "b_4"])
            // It is storing by now.
            #expect(try await catalog.beginStoring(upload.id, from: 1, destinations: places) == nil)
            let other = UploadRecord.complete(names: ["a.txt", "b.txt"])
            try await catalog.insert(other)
            #expect(try await catalog.beginStoring(other.id, from: 9, destinations: places) == 9)
        }
    }

    @Test func `a free number is found with few questions, however many are taken`() {
        for taken in [0, 1, 5, 9, 10, 11, 1000, 999_999] {
            for first in [1, 2, 8] {
                var questions = 0
                let found = FreeNumber.find(from: first) { number in
                    questions += 1
                    return number > taken
                }
                #expect(found == max(first, taken + 1), "\(taken)")
                #expect(questions < 50, "\(taken): \(questions)")
            }
        }
        // Of a few, a gap is found too.
        #expect(FreeNumber.find(from: 1) { ![1, 2, 4].contains($0) } == 3)
    }
}
