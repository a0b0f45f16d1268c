import Support
import Testing

@testable import FPUploads

@Suite("Who may begin an upload")
struct AdmissionTests {
    private func house(_ most: Int) async throws -> House {
        var settings = UploadSettings()
        settings.inProgressPerAddress = most
        return try await House(settings: settings)
    }

    @Test("uploads that a restart finds unfinished count for their address as before")
    func restart() async throws {
        let house = try await house(2)
        let here = Uploader(owner: "ann", address: "192.0.2.1")
        let first = try await house.uploads.create(length: 5, metadata: nil, by: here)
        // A form ends with the host.
        let form = house.uploads.beginReception(by: here)
        try await form.beginFile(name: "a", declaredType: nil)
        await form.abandon()
        try await house.restart()
        _ = try await house.uploads.create(length: 5, metadata: nil, by: Uploader(address: "192.0.2.1"))
        for owner in [nil, "ann", "bob"] {
            let another = Uploader(owner: owner, address: "192.0.2.1")
            #expect(
                await failure { _ = try await house.uploads.create(length: 5, metadata: nil, by: another) }
                    == .tooManyAtOnce)
            #expect(await failure { _ = try await house.uploads.admit(another) } == .tooManyAtOnce)
        }
        try await house.restart()
        #expect(try await house.uploads.revert(first.id))
        _ = try await house.uploads.create(length: 5, metadata: nil, by: here)
        await house.close()
    }

    @Test("forms and announcements count together, and what is given back is free for either")
    func kinds() async throws {
        let house = try await house(2)
        let here = Uploader(address: "2001:db8::1")
        let neighbour = Uploader(address: "2001:db8::ffff:1")
        var admission: Admission? = try await house.uploads.admit(here)
        let created = try await house.uploads.create(length: 5, metadata: nil, by: neighbour)
        #expect(
            await failure { _ = try await house.uploads.create(length: 5, metadata: nil, by: here) } == .tooManyAtOnce)
        #expect(await failure { _ = try await house.uploads.admit(neighbour) } == .tooManyAtOnce)
        withExtendedLifetime(admission) {}
        admission = nil
        _ = try await house.uploads.create(length: 5, metadata: nil, by: here)
        #expect(await failure { _ = try await house.uploads.admit(here) } == .tooManyAtOnce)
        try await house.uploads.revert(created.id)
        admission = try await house.uploads.admit(here)
        #expect(
            await failure { _ = try await house.uploads.create(length: 5, metadata: nil, by: here) } == .tooManyAtOnce)
        withExtendedLifetime(admission) {}
        await house.close()
    }

    @Test("whoever has no address of its own is not counted")
    func nobody() async throws {
        let house = try await house(1)
        for address in [nil, nil, "unix", "unix"] {
            _ = try await house.uploads.create(length: 5, metadata: nil, by: Uploader(address: address))
        }
        await house.close()
    }

    @Test("an owner is told the limit that is set, whatever else is under way")
    func sentence() async throws {
        var settings = UploadSettings()
        settings.perOwner.inProgress = 3
        let house = try await House(settings: settings)
        let ann = Uploader(owner: "ann")
        let uploads = house.uploads
        let forms = [try await house.uploads.admit(ann), try await house.uploads.admit(ann)]
        let sentences = await withTaskGroup(of: String?.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    do throws(UploadError) {
                        _ = try await uploads.create(length: 5, metadata: nil, by: ann)
                        return nil
                    } catch {
                        return error.message
                    }
                }
            }
            return await group.reduce(into: [String?]()) { $0.append($1) }
        }
        #expect(sentences.count { $0 == nil } == 1)
        #expect(Set(sentences.compactMap(\.self)) == ["You may send 3 uploads at once; finish or revert one first."])
        withExtendedLifetime(forms) {}
        await house.close()
    }
}
