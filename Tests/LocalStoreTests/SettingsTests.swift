import FPPluginAPI
import Glibc
import PluginTestKit
import StoreUnderTest
import Testing

@Suite("LocalStore: settings")
struct SettingsTests {
    @Test("Settings that cannot work are refused with what to do instead, by the check and by creation")
    func refused() throws {
        let parent = try TemporaryDirectory()
        close(creat(parent.path + "/file", 0o644))
        let cases: [([String: String], String)] = [
            ([:], "the option `location` is required"),
            (["location": "relative/path"], "must be an absolute path"),
            (["location": parent.path + "/file"], "it is not a directory; correct `location`"),
            (["location": parent.path + "/file/x"], "not a directory"),
            (["location": parent.path, "file_permissions_mode": "rw-r--r--"], "must be an octal mode such as 0644"),
            (["location": parent.path, "file_permissions_mode": "0888"], "(line 10)"),
            (["location": parent.path, "directory_permissions_mode": "017777"], "must be an octal mode"),
            (["location": parent.path, "path_resolution": "fly"], "must be one of auto, walk"),
        ]
        for (options, sentence) in cases { expectRefusal(of: options, by: localStore, sentence) }
        #expect(parent.tree(withPrivate: true) == ["file"])
    }

    @Test("The check changes nothing; creation makes the location and what is missing above it")
    func location() throws {
        let parent = try TemporaryDirectory()
        let options = ["location": parent.path + "/above/new", "directory_permissions_mode": "0770"]
        try TestStore.validate(localStore, options)
        #expect(parent.tree() == [])
        let store = try TestStore(localStore, options)
        try store.put("k", [1])
        #expect(parent.tree() == ["above", "above/new", "above/new/k"])
        var found = stat()
        stat(parent.path + "/above/new", &found)
        #expect(found.st_mode & 0o777 == 0o770)
    }

    @Test("Capabilities are those that a disk has")
    func capabilities() throws {
        let caps = try Fixture().store.caps
        let needed =
            FP_CAP_RESUMABLE | FP_CAP_DURABLE_TAIL | FP_CAP_ATOMIC_CREATE | FP_CAP_POWER_DURABLE
            | FP_CAP_READ_AFTER_WRITE | FP_CAP_LIST | FP_CAP_LIST_ORDERED | FP_CAP_LIST_PENDING | FP_CAP_MOVE
            | FP_CAP_MOVE_ATOMIC | FP_CAP_IF_MATCH | FP_CAP_SPACE | FP_CAP_FENCED | FP_CAP_REWIND
        #expect(caps.flags & needed == needed)
        #expect(caps.flags & (FP_CAP_SHARED | FP_CAP_PRESIGN | FP_CAP_CONTENT_TYPE | FP_CAP_METADATA) == 0)
        #expect(caps.threading == FP_THREADS_PARALLEL)
        #expect(caps.durable_unit == 1 && caps.rewind_unit == 1 && caps.max_key_bytes == 1024)
    }

    @Test("The table says what the plugin is")
    func table() {
        let table = localStore.table.pointee
        #expect(String(cString: table.name) == "LocalStore")
        #expect(table.presign == nil)
        #expect(table.threading_max == FP_THREADS_PARALLEL)
        let options = UnsafeBufferPointer(start: table.options, count: Int(table.n_options))
        #expect(
            options.map { String(cString: $0.key) } == [
                "location", "file_permissions_mode", "directory_permissions_mode", "allow_overwrite", "path_resolution",
            ])
        #expect(options[0].flags == FP_OPT_REQUIRED && options[0].type == FP_T_PATH)
    }
}
