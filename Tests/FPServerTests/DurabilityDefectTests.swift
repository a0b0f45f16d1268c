import Foundation
import Support
import Testing

/// The defects of durability that django-drf-filepond and tusd were shown to have, by the numbers of the lists that they
/// were written down in; each test shows that fphost does not have it. docs/durability.md has the whole list.
@Suite("Known defects of others: what was acknowledged")
struct DurabilityDefectTests {
    private func inode(_ path: String) throws -> Int {
        let found = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? Int
        return try #require(found)
    }

    @Test("reference defect 2: the last chunk joins nothing: the file that grew with the chunks gets its name")
    func joining() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(30)
            for offset in [0, 10] { #expect(try await house.patch(id, offset, of: 30, "0123456789").status == 200) }
            let staging = house.directory.url.appendingPathComponent("staging").path
            func files(_ folder: String) throws -> [String] {
                try FileManager.default.contentsOfDirectory(atPath: staging + folder)
            }
            let growing = try #require(try files("/.fp/w").first { !$0.hasSuffix(".m") })
            let number = try inode(staging + "/.fp/w/" + growing)
            #expect(try await house.patch(id, 20, of: 30, "0123456789").status == 200)
            let whole = try #require(try files("").first { $0.hasPrefix(id) })
            #expect(try inode(staging + "/" + whole) == number)
            #expect(try files("/.fp/w") == [])
        }
    }

    @Test(
        "reference defect 2: a last step that fails is made again by the last chunk, sent again", arguments: [122, 200])
    func failedEnd(status: Int) async throws {
        let control = PluginControl()
        try await ServerHouse.with(sick: ["staging": control], patience: .seconds(5)) { house async throws in
            let id = try await house.announce(10)
            #expect(try await house.patch(id, 0, of: 10, "01234").status == 200)
            control.fail(.writeCommit, status)
            #expect(try await house.patch(id, 5, of: 10, "56789").status == (status == 122 ? 507 : 503))
            #expect(try await house.send("GET", "/fp/restore/?id=\(id)").status == 404, "it is not whole")
            #expect(try await house.send("HEAD", "/fp/patch/\(id)")["upload-offset"] == "5")
            control.heal(.writeCommit)
            #expect(try await house.patch(id, 5, of: 10, "56789").status == 200)
            #expect(try await house.send("GET", "/fp/restore/?id=\(id)").text == "0123456789")
        }
    }

    @Test("reference defect 6: a chunk whose answer was lost succeeds again, the last one too")
    func repeated() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(10)
            for _ in 0..<2 { #expect(try await house.patch(id, 0, of: 10, "01234").status == 200) }
            for _ in 0..<2 { #expect(try await house.patch(id, 5, of: 10, "56789").status == 200) }
            let head = try await house.send("HEAD", "/fp/patch/\(id)")
            #expect(head.status == 200 && head["upload-offset"] == "10")
            #expect(try await house.send("GET", "/fp/restore/?id=\(id)").text == "0123456789")
            #expect(house.filesOnDisk().count == 1)
        }
    }

    @Test("reference defect 7: an upload of no bytes completes")
    func empty() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(0)
            #expect(try await house.patch(id, 0, of: 0, "").status == 200)
            let kept = try await house.send("GET", "/fp/restore/?id=\(id)")
            #expect(kept.status == 200 && kept.body.isEmpty)
        }
    }

    @Test("reference defect 10: an unfinished upload can be taken back, and goes with all its bytes")
    func unfinished() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(10)
            #expect(try await house.patch(id, 0, of: 10, "01234").status == 200)
            #expect(
                try await house.send("DELETE", "/fp/revert/", [("Content-Type", "text/plain")], Array(id.utf8)).status
                    == 204)
            #expect(try await house.send("HEAD", "/fp/patch/\(id)").status == 404)
            #expect(house.directory.files(below: "staging/.fp") == [])
        }
    }

    @Test("reference defect 15 and tusd defect 16: a full store is a 507 that names no path, and takes nothing back")
    func full() async throws {
        let control = PluginControl()
        try await ServerHouse.with(sick: ["staging": control], patience: .seconds(5)) { house async throws in
            let id = try await house.announce(10)
            #expect(try await house.patch(id, 0, of: 10, "01234").status == 200)
            for operation in [PluginControl.Operation.write, .writeCommit] {
                control.fail(operation, 122)
                let reply = try await house.patch(id, 5, of: 10, "56789")
                #expect(reply.status == 507, "\(operation): \(reply.text)")
                #expect(!reply.text.contains("/") && !reply.text.contains("staging"), "\(reply.text)")
                control.heal(operation)
            }
            #expect(try await house.send("HEAD", "/fp/patch/\(id)")["upload-offset"] == "5")
            #expect(try await house.patch(id, 5, of: 10, "56789").status == 200)
        }
    }

    @Test("tusd defect 10: an upload whose end was not told is told complete again, as often as it is asked")
    func endToldAgain() async throws {
        let control = PluginControl()
        try await ServerHouse.with(sick: ["staging": control], patience: .seconds(5)) { house async throws in
            let id = try await house.announce(10)
            #expect(try await house.patch(id, 0, of: 10, "01234").status == 200)
            control.loseAnswers(.writeCommit, times: 1)
            _ = try await house.patch(id, 5, of: 10, "56789")
            for _ in 0..<2 {
                #expect(try await house.patch(id, 5, of: 10, "56789").status == 200)
                #expect(try await house.call("GET", "/api/v1/uploads/\(id)").text.contains("\"complete\""))
            }
            #expect(try await house.call("GET", "/api/v1/uploads/\(id)/content").text == "0123456789")
        }
    }
}
