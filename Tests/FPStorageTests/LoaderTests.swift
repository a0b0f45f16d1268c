import FPStorage
import Foundation
import Logging
import Support
import Testing

/// Loads `broken.c` with the macros given.
private func load(_ macros: [String] = []) async throws -> PluginLibrary {
    let path = try await TestPlugins.compile("broken", name: "Broken", macros: macros)
    return try PluginLibrary.load(
        path: path, expectedName: "Broken", host: TestStore.host, logger: LogRecorder().logger)
}

private func open(_ library: PluginLibrary) throws(StoreError) -> Store {
    try Store.open(
        name: "broken", library: library, config: .map([]), settings: StoreSettings(), logger: LogRecorder().logger)
}

@Suite struct `Loading a plugin` {
    @Test func `a sound plugin shows what it is`() async throws {
        let library = try await TestStore.library()
        #expect(library.name == "Memory")
        #expect(library.version == "1.2.3")
        #expect(library.vendor == "fphost tests")
        #expect(library.license == "0BSD")
        #expect(library.url == "https://example.org/")
        #expect(library.summary == "objects in memory")
        #expect(library.abiMajor == 1)
        #expect(library.abiMinor == 1)
        #expect(library.threadingMax == .parallel)
        #expect(library.options.map(\.key).contains("group.number"))
        #expect(library.extensionIDs == ["fp.transfer/1"])
        #expect(library.dump().map(\.0) == ["allocator"])
        #expect(library.optionalSlots.first { $0.name == "presign" }?.present == true)
        #expect(library.optionalSlots.first { $0.name == "unload" }?.present == false)
    }

    @Test func `loading the same file again gives the same library and starts it once`() async throws {
        let path = try await TestPlugins.compile("memory", name: "Once")
        let link = try TestPlugins.newDirectory() + "/libOnce.so"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
        let logger = LogRecorder().logger
        let first = try PluginLibrary.load(path: path, expectedName: "Once", host: TestStore.host, logger: logger)
        let second = try PluginLibrary.load(path: link, expectedName: "Once", host: TestStore.host, logger: logger)
        #expect(first === second)
    }

    @Test(arguments: [
        (["ENTRY=something_else"], PluginLoadError.Reason.noEntryPoint, "exports no function fp_plugin_entry_v1"),
        (["ENTRY=fp_plugin_entry_v2"], .newerHostNeeded, "exports fp_plugin_entry_v2 but no fp_plugin_entry_v1"),
        (["REFUSES"], .refusedHost, "refuses this host, which speaks ABI 1.1"),
        (["MAGIC=0x12345678"], .wrongMagic, "begins with 0x12345678, where FP_MAGIC, 0x31535046, is expected"),
        (["MAJOR=2"], .newerHostNeeded, "built for ABI 2.1, where this host speaks 1.1"),
        (["MAJOR=0"], .olderHostNeeded, "built for ABI 0.1, where this host speaks 1.1"),
        (["MIN_HOST=7"], .newerHostNeeded, "needs a host with ABI 1.7 or later"),
        (["SIZE=12"], .truncatedTable, "says that it has 12 bytes"),
        (["SIZE=100"], .truncatedTable, "has 100 bytes, where the required slots need"),
        (["SIZE=0x7fffffff"], .truncatedTable, "says that it has 2147483647 bytes"),
        (["NAME=\"bad name\""], .wrongName, "calls itself \"bad name\""),
        (["NAME=\"Else\""], .wrongName, "calls itself \"Else\", where its file's name, \"Broken\", is expected"),
        (["NAME=0"], .missingSlot, "\"name\" is NULL"),
        (["VERSION=0"], .missingSlot, "\"version\" is NULL"),
        (["VERSION=\"\""], .badTable, "version is empty"),
        (["THREADING=3"], .badTable, "threading_max is 3"),
        (["LOAD_FAILS"], .startFailed, "no luck today"),
        (["NEEDS_MISSING_FUNCTION"], .linkFailed, "no_library_has_this"),
    ])
    func `each defect has its own sentence`(
        macros: [String], reason: PluginLoadError.Reason, sentence: String
    ) async throws {
        let error = try await #require(throws: PluginLoadError.self) { try await load(macros) }
        #expect(error.reason == reason)
        #expect(error.message.contains(sentence), "\(error.message)")
        #expect(error.message.hasSuffix("."))
    }

    @Test(arguments: [
        "create", "destroy", "caps", "health", "stat", "read_open", "read", "read_close", "write_begin", "write",
        "write_commit", "write_abort", "write_close", "remove",
    ])
    func `each required slot is missed by name`(slot: String) async throws {
        let error = try await #require(throws: PluginLoadError.self) { try await load(["DROP=.\(slot)=0"]) }
        #expect(error.reason == .missingSlot)
        #expect(error.message.contains("\"\(slot)\" is NULL"))
    }

    @Test(arguments: [
        ("OPTION(\"a b\", 1)", "made of letters"),
        ("OPTION(0, 1)", "made of letters"),
        ("OPTION(\"a\", 1), OPTION(\"a\", 1)", "is there twice"),
        ("OPTION(\"a.b\", 1), OPTION(\"a\", 1)", "one lies in the other"),
        ("OPTION(\"a\", 99)", "has type 99"),
        ("OPTION(\"a\", 0)", "has type 0"),
        ("OPTION(\"a\", 7)", "without choices"),
        ("OPTION(\"a\", 3, 0, \"x\")", "has the default \"x\", which it does not take"),
        ("OPTION(\"a\", 7, 0, \"c\", \"a|b\")", "must be a or b"),
        ("OPTION(\"a\", 3, 0, \"7\", 0, 1, 5)", "must be from 1 to 5, not 7"),
        ("OPTION(\"a\", 5, 0, \"8MiB\", 0, 1, 4194304)", "must be from 1B to 4MiB, not 8MiB"),
        ("OPTION(\"a\", 3, 0, 0, 0, 9, 5)", "above its greatest"),
        ("OPTION(\"a\", 1, FP_OPT_REQUIRED, \"x\")", "required and yet has a default"),
    ])
    func `an option table with nonsense is refused`(options: String, sentence: String) async throws {
        let error = try await #require(throws: PluginLoadError.self) { try await load(["OPTIONS=\(options)"]) }
        #expect(error.reason == .badOptions)
        #expect(error.message.contains(sentence), "\(error.message)")
    }

    @Test func `a wrong size of options is refused`() async throws {
        let error = try await #require(throws: PluginLoadError.self) {
            try await load(["OPTIONS=OPTION(\"a\", 1)", "OPTION_SIZE=8"])
        }
        #expect(error.message.contains("option_size is 8, where sizeof(fp_option)"))
    }

    @Test func `a plugin for a later minor version loads, with the options it shares`() async throws {
        let options = "OPTION(\"a\", 3, 0, \"5\"), OPTION(\"b\", 99), OPTION(\"c\", 2, 0, \"true\")"
        let library = try await load(["FUTURE", "MINOR=99", "OPTIONS=\(options)"])
        #expect(library.abiMinor == 99)
        #expect(library.structSize > 300)
        #expect(library.options.map(\.key) == ["a", "b", "c"])
        #expect(library.options.map(\.type) == [.int, .unknown(99), .bool])
        _ = try open(library)
    }

    @Test func `a plugin whose table ends early loads, without the slots it has not`() async throws {
        let library = try await load(["SIZE=offsetof(fp_plugin,get_extension)", "DROP=.get_extension=(void*)1"])
        #expect(library.extensionIDs == [])
        _ = try open(library)
    }

    @Test(arguments: [
        ("FP_CAP_RESUMABLE", "write_resume"), ("FP_CAP_LIST", "list"), ("FP_CAP_LIST_PENDING", "list_pending"),
        ("FP_CAP_COPY", "copy"), ("FP_CAP_MOVE", "copy"), ("FP_CAP_PRESIGN", "presign"),
        ("FP_CAP_REWIND", "write_resume"),
    ])
    func `a capability without its slot is refused when the store opens`(capability: String, slot: String) async throws
    {
        let library = try await load(["CAPS=\(capability)"])
        let error = try #require(throws: StoreError.self) { try open(library) }
        #expect(error.message.contains("it declares \(capability), but its slot \"\(slot)\" is NULL"))
    }

    @Test func `a store looser than its library is refused`() async throws {
        let library = try await load(["THREADING=1", "CAPS_THREADING=2"])
        let error = try #require(throws: StoreError.self) { try open(library) }
        #expect(error.message.contains("looser than"))
    }

    @Test func `loading and checking takes less than the blink of an eye`() async throws {
        let path = try await TestPlugins.compile("broken", name: "Quick")
        let logger = LogRecorder().logger
        let time = try ContinuousClock().measure {
            _ = try PluginLibrary.load(path: path, expectedName: "Quick", host: TestStore.host, logger: logger)
        }
        // The target, 20 ms, is measured elsewhere; this is a busy machine's allowance.
        #expect(time < .seconds(2))
    }
}
