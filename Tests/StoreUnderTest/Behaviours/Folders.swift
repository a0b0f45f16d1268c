import FPPluginAPI
import Glibc
import PluginTestKit
import Testing

extension Behaviour {
    /// Of stores whose objects are files at the paths of their keys.
    package static let folders: [Behaviour] = [
        Behaviour("A key and keys below it exclude each other, without loss", needs: .folders) { kind in
            for isReplacing in [true, false] {
                let place = try kind.place(replacing: isReplacing)
                try place.store.put("a/b", [1])
                for flags in [0, FP_W_RESUMABLE] {
                    let folder = expectFailure(FP_E_EXISTS) { try place.store.put("a", [2], flags: flags) }
                    #expect(folder?.message.contains("other objects lie below") == true)
                    let file = expectFailure(FP_E_EXISTS) { try place.store.put("a/b/c", [3], flags: flags) }
                    #expect(file?.message.contains("a part of that path is an object") == true)
                }
                for key in ["a", "a/b/c"] {
                    expectFailure(FP_E_NOT_FOUND) { try place.store.stat(key) }
                    expectFailure(FP_E_NOT_FOUND) { try place.store.open(key) }
                }
                #expect(try place.store.keys() == ["a/b"])
                #expect(try place.store.get("a/b") == [1])
                try place.store.remove("a/b")
                #expect(try place.store.put("a", [2]).size == 1)
            }
        },
        Behaviour("An empty directory is no object and not in the way", needs: .folders) { kind in
            let place = try kind.place()
            mkdir(place.path + "/a", 0o755)
            mkdir(place.path + "/a/b", 0o755)
            expectFailure(FP_E_EXISTS) { try place.store.put("a", [1]) }
            try place.store.put("a/b", [1])
            #expect(try place.store.keys() == ["a/b"])
        },
        Behaviour("Removing takes empty directories along, and nothing else", needs: .folders) { kind in
            let place = try kind.place()
            try place.store.put("a/b/c/1", [1])
            try place.store.put("a/b/2", [2])
            for _ in 0..<2 { try place.store.remove("a/b/c/1") }
            #expect(place.tree() == ["a", "a/b", "a/b/2"])
            try place.store.remove("a")
            try place.store.remove("a/b/2/3")
            #expect(try place.store.get("a/b/2") == [2])
            try place.store.remove("a/b/2")
            #expect(place.tree() == [])
        },
        Behaviour("A write that fails or is dropped leaves no directory behind", needs: .folders) { kind in
            let place = try kind.place()
            mkdir(place.path + "/empty", 0o755)
            try place.store.put("taken", [1])
            for key in ["taken/x", "taken"] { expectFailure(FP_E_EXISTS) { try place.store.put(key, [1]) } }
            let dropped = try place.store.begin("a/b", flags: FP_W_RESUMABLE)
            try dropped.abort()
            let refused = try place.store.begin("x/y/k", flags: FP_W_RESUMABLE)
            try refused.write([1])
            expectFailure(FP_E_INVALID) { try refused.commit(size: 7) }
            #expect(place.tree() == ["empty", "taken"])
        },
        Behaviour("Modes are those of the options, whatever the umask", needs: .folders) { kind in
            func mode(_ path: String) -> mode_t {
                var found = Glibc.stat()
                lstat(path, &found)
                return found.st_mode & 0o7777
            }
            // Bits that the usual umask takes away.
            let open = try kind.place([.fileMode: "0666", .directoryMode: "0777"])
            try open.store.put("a/b/1", [1])
            try open.store.put("a/2", [1], flags: FP_W_RESUMABLE)
            #expect(["/a/b/1", "/a/2"].map { mode(open.path + $0) } == [0o666, 0o666])
            #expect(["/a", "/a/b"].map { mode(open.path + $0) } == [0o777, 0o777])
            #expect(mode(open.path + "/.fp") == 0o700)
            let usual = try kind.place()
            try usual.store.put("a/1", [1])
            #expect(mode(usual.path + "/a/1") == 0o644)
        },
        Behaviour("A file that shrinks under a reader is an error, never a short object", needs: .folders) { kind in
            let place = try kind.place()
            let bytes = Pattern.bytes(4_000_000)
            try place.store.put("k", bytes)
            let reader = try place.store.open("k")
            var found = try reader.read(4000)
            truncate(place.path + "/k", 3_000_000)
            expectFailure(FP_E_TRANSIENT) { while true { found += try reader.read(100_000) } }
            #expect(found == Array(bytes[..<found.count]) && found.count <= 3_000_000)
            expectFailure(FP_E_INVALID) { try reader.read(4000) }
        },
        Behaviour("A directory that is a symbolic link is refused for good, with the outcome known", needs: .folders) {
            kind in
            let place = try kind.place(replacing: true)
            let elsewhere = try TemporaryDirectory()
            try place.store.put("k", [1])
            symlink(elsewhere.path, place.path + "/linked")
            for flags in [0, FP_W_RESUMABLE] {
                let writer = try place.store.begin("linked/k", flags: flags)
                try writer.write([1])
                for _ in 0..<2 { #expect(expectFailure(FP_E_DENIED) { try writer.commit() }?.outcomeUnknown == false) }
                try writer.abort()
            }
            for move in [0, FP_COPY_MOVE] {
                let failure = expectFailure(FP_E_DENIED) {
                    try place.store.copy("k", to: "linked/k", flags: move | FP_COPY_ALLOW_STREAM)
                }
                #expect(failure?.outcomeUnknown == false)
            }
            expectFailure(FP_E_DENIED) { try place.store.stat("linked/k") }
            expectFailure(FP_E_DENIED) { try place.store.remove("linked/k") }
            #expect(try place.store.get("k") == [1])
            #expect(try place.store.health(deep: true).state == FP_HEALTH_OK)
            #expect(elsewhere.tree() == [])
        },
        Behaviour("A directory that was removed is no store without objects, and is found again", needs: .folders) {
            kind in
            let place = try kind.place()
            let location = place.path + "/location"
            let aside = place.path + "/aside"
            let store = try place.another(kind.options([.location: location]))
            try store.put("a/k", [1])
            let writer = try store.begin("l", flags: FP_W_RESUMABLE)
            try writer.write([1])
            try writer.sync()
            writer.close()
            // The location is replaced by a copy: the store must not go on in the old directory that it holds open.
            _ = runTool(["cp", "-a", location, aside])
            _ = runTool(["rm", "-rf", location])
            expectFailure(FP_E_TRANSIENT) { try store.stat("a/k") }
            expectFailure(FP_E_TRANSIENT) { try store.open("a/k") }
            expectFailure(FP_E_TRANSIENT) { try store.keys() }
            expectFailure(FP_E_TRANSIENT) { try store.all(pending: true) }
            expectFailure(FP_E_TRANSIENT) { try store.resume(writer.token) }
            expectFailure(FP_E_TRANSIENT) { try store.remove("a/k") }
            expectFailure(FP_E_TRANSIENT) { try store.put("new", [1]) }
            for deep in [false, true] {
                let health = try store.health(deep: deep)
                #expect(health.state == FP_HEALTH_DOWN, "\(health)")
                #expect(["was removed; put it back", "is gone from"].contains { health.detail.contains($0) })
            }
            #expect(access(location, F_OK) != 0, "it was made again")
            rename(aside, location)
            #expect(try store.health(deep: true).state == FP_HEALTH_OK)
            #expect(try store.get("a/k") == [1])
            #expect(try store.resume(writer.token).writer?.offset == 1)
            try store.put("new", [1])
            #expect(try store.keys() == ["a/k", "new"])
        },
    ]
}
