import FPCatalog
import Testing

@Suite struct CountTests {
    @Test(arguments: CatalogUnderTest.all)
    func `as many uploads are added as may be counted, however many come at once, and no other is there afterwards`(
        _ withCatalog: CatalogUnderTest
    ) async throws {
        try await withCatalog { catalog in
            let count = UploadCount(name: "app/1", limit: 7, until: 100)
            let uploads = (0..<40).map { _ in UploadRecord.complete() }
            let refusals = await withTaskGroup(of: (UploadID, Refusal?).self) { group in
                for upload in uploads {
                    group.addTask {
                        (
                            upload.id,
                            await refusal {
                                try await catalog.insert(upload, within: OwnerLimits(), countedIn: count, from: nil)
                            }
                        )
                    }
                }
                return await group.reduce(into: [UploadID: Refusal?]()) { $0[$1.0] = $1.1 }
            }
            #expect(refusals.values.filter { $0 == nil }.count == 7)
            #expect(try await catalog.counted(in: "app/1") == 7)
            #expect(try await catalog.counted(in: "app/2") == 0)
            for (id, refused) in refusals {
                #expect(refused == nil || refused == .usedUp)
                #expect((try await catalog.upload(id) == nil) == (refused != nil))
            }
            let other = UploadCount(name: "app/2", limit: 1, until: 100)
            try await catalog.insert(.complete(), within: OwnerLimits(), countedIn: other, from: nil)
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `an upload that is gone, or was refused for another reason, counts as it did`(
        _ withCatalog: CatalogUnderTest
    ) async throws {
        try await withCatalog { catalog in
            let count = UploadCount(name: "a", limit: 2, until: 100)
            let upload = UploadRecord.stored(keys: ["x"])
            try await catalog.insert(upload, within: OwnerLimits(), countedIn: count, from: nil)
            let taken = await refusal {
                try await catalog.insert(.stored(keys: ["x"]), within: OwnerLimits(), countedIn: count, from: nil)
            }
            #expect(taken == .pathTaken("media", "x"))
            try await catalog.forget(upload.id)
            try await catalog.insert(.complete(), within: OwnerLimits(), countedIn: count, from: nil)
            #expect(
                await refusal {
                    try await catalog.insert(.complete(), within: OwnerLimits(), countedIn: count, from: nil)
                }
                    == .usedUp)
            try await catalog.uncount("a")
            try await catalog.insert(.complete(), within: OwnerLimits(), countedIn: count, from: nil)
            #expect(
                await refusal {
                    try await catalog.insert(.complete(), within: OwnerLimits(), countedIn: count, from: nil)
                }
                    == .usedUp)
            try await catalog.uncount("nothing")
            let none = UploadCount(name: "b", limit: 0, until: 100)
            #expect(
                await refusal {
                    try await catalog.insert(.complete(), within: OwnerLimits(), countedIn: none, from: nil)
                }
                    == .usedUp)
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `a count is kept until the latest time that it was given, and then forgotten`(_ withCatalog: CatalogUnderTest)
        async throws
    {
        try await withCatalog { catalog in
            for until in [50, 10] as [Timestamp] {
                try await catalog.insert(
                    .complete(), within: OwnerLimits(), countedIn: UploadCount(name: "a", limit: 2, until: until),
                    from: nil)
            }
            let next = UploadCount(name: "a", limit: 2, until: 50)
            try await catalog.forgetCounts(before: 50)
            #expect(
                await refusal {
                    try await catalog.insert(.complete(), within: OwnerLimits(), countedIn: next, from: nil)
                }
                    == .usedUp)
            try await catalog.forgetCounts(before: 51)
            #expect(
                await refusal {
                    try await catalog.insert(.complete(), within: OwnerLimits(), countedIn: next, from: nil)
                } == nil)
        }
    }
}
