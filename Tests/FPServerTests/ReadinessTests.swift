import FPServer
import Foundation
import Support
import Testing

import class PluginTestKit.SmallDisk

/// What `/readyz` says.
private struct Readiness: Decodable {
    struct Problem: Decodable {
        var store: String?
        var problem: String
        var detail: String
        var since: String
    }

    var status: String
    var stores: [String: String]
    var catalog: String
    var problems: [Problem]?

    var codes: [String] { (problems ?? []).map { "\($0.store ?? "catalog") \($0.problem)" }.sorted() }
}

extension ServerHouse {
    fileprivate func readiness() async throws -> (status: Int, page: Readiness) {
        let reply = try await send("GET", "/readyz")
        return (reply.status, try JSONDecoder().decode(Readiness.self, from: Data(reply.body)))
    }

    fileprivate func process(_ content: [UInt8]) async throws -> HTTPReply {
        var form = Form()
        form.add("filepond", file: "a.bin", content)
        return try await send("POST", "/fp/process/", form.headers, form.body)
    }
}

private let small = [UInt8](repeating: 1, count: 100)
private let large = [UInt8](repeating: 1, count: 600_000)

@Suite("What the operator has to see, and the visitor is not blamed for")
struct ReadinessTests {
    private func expectServersFault(_ reply: HTTPReply, _ status: Int = 503) {
        #expect(reply.status == status, "\(reply.status) \(reply.text)")
        if status == 503 { #expect(reply["retry-after"].flatMap { Int($0) } ?? 0 >= 1) }
        #expect(!reply.text.contains("path"), "\(reply.text)")
        #expect(!reply.text.contains("asked to fail"), "the store's own words are the operator's: \(reply.text)")
    }

    @Test(
        "a staging store that takes no writes is a 503 at each door and at /readyz, until it takes one again",
        arguments: [403, 120])
    func cannotWrite(_ status: Int) async throws {
        let control = PluginControl()
        try await ServerHouse.with(sick: ["staging": control], patience: .seconds(30)) { house async throws in
            let id = try await house.announce(20)
            #expect(try await house.patch(id, 0, of: 20, "0123456789").status == 200)
            for operation in [PluginControl.Operation.writeBegin, .write] { control.fail(operation, status) }
            expectServersFault(try await house.process(small))
            let (code, page) = try await house.readiness()
            #expect(code == 503)
            #expect(page.status == "unavailable" && page.stores["staging"] == "cannot-write")
            #expect(page.stores["media"] == "ok" && page.catalog == "ok")
            #expect(page.codes == ["staging cannot-write"])
            let since = try #require(page.problems?.first?.since)
            #expect(since.hasSuffix("Z") && since.contains("T"))
            expectServersFault(try await house.process(large))
            expectServersFault(try await house.patch(id, 10, of: 20, "0123456789"))
            expectServersFault(try await house.send("POST", "/fp/process/", [("Upload-Length", "5")]))
            #expect(try await house.readiness().page.problems?.first?.since == since, "it is still the same trouble")
            for operation in [PluginControl.Operation.writeBegin, .write] { control.heal(operation) }
            // Nobody writes, for the load balancer sends nobody.
            try await waitFor("the store to be ready by itself", within: .seconds(20)) {
                try await house.readiness().status == 200 ? true : nil
            }
            #expect(try await house.patch(id, 10, of: 20, "0123456789").status == 200)
        }
    }

    @Test("a staging store without room is a 507 and not ready, until a write succeeds")
    func noSpace() async throws {
        let control = PluginControl()
        try await ServerHouse.with(sick: ["staging": control], patience: .seconds(30)) { house async throws in
            control.fail(.write, 122)
            expectServersFault(try await house.process(small), 507)
            let (code, page) = try await house.readiness()
            #expect(code == 503 && page.stores["staging"] == "no-space")
            #expect(page.codes == ["staging no-space"])
            control.heal(.write)
            #expect(try await house.process(small).status == 200)
            #expect(try await house.readiness().status == 200, "a success clears it at once")
        }
    }

    @Test(
        "what health says of a store counts for those that are needed",
        arguments: [(1, "cannot-write"), (2, "no-space")])
    func reportedLimits(_ limits: Int, _ word: String) async throws {
        let controls = ["media": PluginControl(), "archive": PluginControl()]
        try await ServerHouse.with(sick: controls, patience: .seconds(30)) { house async throws in
            controls["archive"]?[.health, .limits] = limits
            var (code, page) = try await house.readiness()
            #expect(code == 200 && page.status == "ok", "nothing goes to the archive unless it is named")
            #expect(page.stores["archive"] == word && page.codes == ["archive \(word)"])
            controls["media"]?[.health, .limits] = limits
            (code, page) = try await house.readiness()
            #expect(code == 503 && page.stores["media"] == word)
            for control in controls.values { control[.health, .limits] = 0 }
            (code, page) = try await house.readiness()
            #expect(code == 200 && page.problems == nil)
        }
    }

    @Test("a path that the store forbids is the application's to change, unless the store forbids all")
    func forbiddenPath() async throws {
        let control = PluginControl()
        try await ServerHouse.with(sick: ["media": control], patience: .seconds(30)) { house async throws in
            let id = try await house.upload()
            func store() async throws -> HTTPReply {
                try await house.call("POST", "/api/v1/uploads/\(id)/store", json: "{\"path\": \"forbidden.txt\"}")
            }
            control.fail(.writeBegin, 120)
            let forbidden = try await store()
            #expect(forbidden.status == 403 && forbidden.text.contains("path"), "\(forbidden.text)")
            #expect(try await house.readiness().status == 200)
            control[.health, .limits] = 1
            expectServersFault(try await store())
            control.fail(.writeBegin, 403)
            expectServersFault(try await store())
            control[.health, .limits] = 0
            control.heal(.writeBegin)
            try await waitFor("the file to be stored", within: .seconds(20)) {
                try await store().status == 200 ? true : nil
            }
            // What was stored there once and is denied now is nobody's mistake but the operator's.
            control.fail(.readOpen, 120)
            expectServersFault(try await house.send("GET", "/fp/load/?id=\(id)"))
        }
    }

    @Test("want of descriptors in the host is no fault of a store's", arguments: [24, 23])
    func descriptors(_ number: Int) async throws {
        let control = PluginControl()
        try await ServerHouse.with(sick: ["staging": control], patience: .seconds(30)) { house async throws in
            for operation in [PluginControl.Operation.writeBegin, .stat, .health] {
                control[operation, .osErrno] = number
                control.fail(operation, 200)
            }
            for _ in 0..<10 { expectServersFault(try await house.process(small)) }
            #expect(try await house.readiness().status == 200)
            control.heal(.writeBegin)
            #expect(try await house.process(small).status == 200)
        }
    }

    @Test("a call that hangs in a write is told as that to whoever comes next, and is seen")
    func hangingWrite() async throws {
        let control = PluginControl()
        try await ServerHouse.with(sick: ["staging": control]) { house async throws in
            let id = try await house.announce(20)
            #expect(try await house.patch(id, 0, of: 20, "0123456789").status == 200)
            control.hang(.write)
            #expect(try await house.patch(id, 10, of: 20, "0123456789").status == 504)
            let (code, page) = try await house.readiness()
            #expect(code == 200 && page.stores["staging"] == "ok", "there are other threads")
            #expect(page.codes.contains("staging stuck"), "\(page.codes)")
            expectServersFault(try await house.patch(id, 10, of: 20, "0123456789"))
            #expect([200, 503].contains(try await house.send("HEAD", "/fp/patch/\(id)").status))
            control.fail(.writeDiscard, 115)
            // It is gone for everybody, and its bytes follow once the store lets go of them.
            #expect(try await house.send("DELETE", "/fp/revert/\(id)").status == 204)
            #expect(try await house.send("HEAD", "/fp/patch/\(id)").status == 404)
            control.heal(.writeDiscard)
            control.release(.write)
            try await waitFor("the thread to come back", within: .seconds(20)) {
                try await house.readiness().page.codes.contains("staging stuck") ? nil : true
            }
        }
    }

    @Test("a commit to the destination whose session a hanging call still holds is a 503")
    func hangingStore() async throws {
        let control = PluginControl()
        try await ServerHouse.with(sick: ["media": control], patience: .seconds(30)) { house async throws in
            let id = try await house.upload()
            control.fail(.writeCommit, 115)
            let reply = try await house.call(
                "POST", "/api/v1/uploads/\(id)/store", json: "{\"path\": \"forbidden.txt\"}")
            expectServersFault(reply)
        }
    }

    @Test("a store whose threads are all stuck is not ready, however well its health is")
    func allThreadsStuck() async throws {
        let control = PluginControl()
        try await ServerHouse.with(sick: ["media": control]) { house async throws in
            let ids = try await [house.upload(), house.upload()]
            control.hang(.writeBegin)
            try await waitFor("all threads to be stuck", within: .seconds(40)) {
                await withTaskGroup(of: Void.self) { group in
                    for (index, id) in (ids + ids).enumerated() {
                        group.addTask {
                            _ = try? await house.call(
                                "POST", "/api/v1/uploads/\(id)/store", json: "{\"path\": \"\(index).txt\"}")
                        }
                    }
                }
                return try await house.readiness().page.codes.contains("media exhausted") ? true : nil
            }
            let (code, page) = try await house.readiness()
            #expect(code == 503 && page.stores["media"] == "down")
            control.release(.writeBegin)
            try await waitFor("the threads to come back", within: .seconds(20)) {
                try await house.readiness().status == 200 ? true : nil
            }
        }
    }

    @Test(
        "a catalog without room is a 507 and not ready, and ready again by itself",
        .enabled(if: SmallDisk.isAllowed, "needs root to mount a small tmpfs"))
    func fullCatalog() async throws {
        let disk = try SmallDisk(options: "size=1m")
        try await ServerHouse.with(catalogIn: disk.path) { house async throws in
            #expect(try await house.readiness().status == 200)
            // To the last byte.
            let filler = disk.path + "/filler"
            #expect(FileManager.default.createFile(atPath: filler, contents: nil))
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: filler))
            for size in [65_536, 4096, 512] {
                while (try? file.write(contentsOf: Data(repeating: 1, count: size))) != nil {}
            }
            try file.close()
            try await waitFor("a refusal for want of room", within: .seconds(20)) {
                try await house.process(small).status == 507 ? true : nil
            }
            let (code, page) = try await house.readiness()
            #expect(code == 503 && page.catalog == "no-space" && page.codes == ["catalog no-space"], "\(page)")
            #expect(page.stores["staging"] == "ok")
            try FileManager.default.removeItem(atPath: filler)
            try await waitFor("the catalog to be ready", within: .seconds(20)) {
                try await house.readiness().status == 200 ? true : nil
            }
            #expect(try await house.process(small).status == 200)
        }
        withExtendedLifetime(disk) {}
    }

    @Test("a damaged catalog is not ready")
    func damagedCatalog() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload()
            #expect(try await house.readiness().page.catalog == "ok")
            try house.damageCatalog()
            // Readers look into the file again once something was written.
            _ = try await house.process(small)
            try await waitFor("the damage to be seen", within: .seconds(20)) {
                try await house.call("GET", "/api/v1/uploads/\(id)").status == 500 ? true : nil
            }
            let (code, page) = try await house.readiness()
            #expect(code == 503 && page.catalog == "down" && page.codes == ["catalog damaged"])
            #expect(page.stores["staging"] == "ok")
            #expect(!(page.problems?.first?.detail.contains("/") ?? true))
        }
    }
}
