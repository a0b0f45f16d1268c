import FPPluginAPI
import Glibc
import PluginTestKit
import Testing

extension Behaviour {
    /// That links below a store's directory lead no call out of it.
    package static let confinement: [Behaviour] = [
        Behaviour("No link planted at any level lets a call out", needs: .folders) { kind in
            let trap = try Trap(kind)
            let store = trap.place.store
            try store.put("real/deep/file", [1])
            trap.link("out", to: trap.outside.path)
            trap.link("real/out", to: trap.outside.path)
            trap.link("real/deep/out", to: "../../../" + (trap.outside.path.split(separator: "/").last ?? ""))
            trap.link("file", to: trap.outside.path + "/secret")
            trap.link("real/self", to: ".")
            trap.link("dangling", to: trap.outside.path + "/new")
            let through = [
                "out/secret", "out/sub/secret", "real/out/secret", "real/deep/out/secret", "real/self/deep/file",
            ]
            for key in through + ["file", "dangling"] {
                expectFailure(FP_E_DENIED) { try store.stat(key) }
                expectFailure(FP_E_DENIED) { try store.open(key) }
                expectFailure(FP_E_DENIED) { try store.copy(key, to: "stolen", flags: FP_COPY_ALLOW_STREAM) }
                expectFailure(FP_E_DENIED) { try store.copy(key, to: "stolen", flags: FP_COPY_MOVE) }
            }
            for key in through + ["out/new", "real/out/a/b/new"] {
                expectFailure(FP_E_DENIED) { try store.put(key, [2]) }
                expectFailure(FP_E_DENIED) { try store.put(key, [2], flags: FP_W_RESUMABLE) }
                expectFailure(FP_E_DENIED) { try store.remove(key) }
                expectFailure(FP_E_DENIED) { try store.copy("real/deep/file", to: key, flags: FP_COPY_MOVE) }
            }
            #expect(try store.keys() == ["real/deep/file"])
            #expect(try store.keys(prefix: "out/") == [])
            #expect(try store.keys(prefix: "real/out/") == [])
            trap.expectUntouched()
            // A link under the key itself is replaced, not followed.
            try store.put("file", [3])
            try store.put("dangling", [4], flags: FP_W_RESUMABLE)
            #expect(try store.get("file") == [3])
            #expect(try store.get("dangling") == [4])
            trap.expectUntouched()
        },
        Behaviour("No link in the place of the staging directory lets a call out", needs: .folders) { kind in
            for name in [".fp", ".fp/w"] {
                let trap = try Trap(kind)
                let store = trap.place.store
                try store.put("real", [1])
                let writer = try store.begin("k", flags: FP_W_RESUMABLE)
                try writer.write([1])
                rename(trap.place.path + "/" + name, trap.place.path + "/aside")
                trap.link(name, to: trap.outside.path)
                expectFailure(FP_E_DENIED) { try store.begin("l", flags: FP_W_RESUMABLE) }
                // A server that follows the link finds nothing of the session where it leads.
                expectFailure(FP_E_DENIED, FP_E_GONE) { try writer.commit() }
                writer.close()
                expectFailure(FP_E_DENIED) { try store.resume(writer.token) }
                #expect([nil, FP_E_DENIED].contains(failure { try store.discard(writer.token) }?.status))
                expectFailure(FP_E_DENIED) { try store.all(pending: true) }
                #expect(try store.keys().contains { $0.hasPrefix("k") } == false)
                trap.expectUntouched()
            }
        },
        Behaviour("A session's file that is swapped for a link is not followed", needs: .folders) { kind in
            let trap = try Trap(kind)
            let store = trap.place.store
            let writer = try store.begin("k", flags: FP_W_RESUMABLE)
            try writer.write([1])
            writer.close()
            for name in try trap.place.staged() {
                unlink(trap.place.path + "/" + name)
                trap.link(name, to: trap.outside.path + "/secret")
            }
            expectFailure(FP_E_DENIED) { try store.resume(writer.token) }
            trap.expectUntouched()
        },
    ]
}

/// A store beside a directory with a secret, which links inside the store point to.
private struct Trap {
    let outside: TemporaryDirectory
    let place: any StorePlace

    init(_ kind: StoreKind) throws {
        outside = try TemporaryDirectory()
        place = try kind.place(replacing: true)
        mkdir(outside.path + "/sub", 0o755)
        for name in ["secret", "sub/secret"] {
            try writeFile("\(outside.path)/\(name)", "secret")
            chmod("\(outside.path)/\(name)", 0o644)
        }
    }

    func link(_ name: String, to target: String) { symlink(target, place.path + "/" + name) }

    func expectUntouched(_ location: SourceLocation = #_sourceLocation) {
        #expect(outside.tree() == ["secret", "sub", "sub/secret"], sourceLocation: location)
        for name in ["secret", "sub/secret"] {
            var found = Glibc.stat()
            #expect(stat("\(outside.path)/\(name)", &found) == 0, sourceLocation: location)
            #expect(found.st_size == 6 && found.st_mode & 0o777 == 0o644, sourceLocation: location)
        }
    }
}
