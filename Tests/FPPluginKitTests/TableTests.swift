import FPContractDriver
import FPPluginAPI
import FPPluginKit
import Glibc
import PluginTestKit
import Synchronization
import Testing

let memoryPlugin: PluginLibrary = {
    do { return try PluginLibrary { PluginEntry.table(of: MemoryStore.self, for: $0) } } catch {
        fatalError("\(error)")
    }
}()

/// One test at a time, because the store's mischief is shared.
@Suite("FPPluginKit: the table", .serialized)
final class TableTests {
    private let store: TestStore
    private var table: fp_plugin { memoryPlugin.table.pointee }

    init() throws {
        store = try TestStore(memoryPlugin, ["label": "hello", "access.key": "x"])
    }

    deinit { MemoryStore.mischief.withLock { $0 = MemoryStore.Mischief() } }

    private func misbehave(_ change: (inout MemoryStore.Mischief) -> Void) {
        MemoryStore.mischief.withLock { change(&$0) }
    }

    /// Makes a call that the driver has no function for.
    private func call(_ body: (UnsafePointer<fp_call>) -> fp_status) throws { try Invocation().perform("call", body) }

    @discardableResult
    private func expectFailure<Value>(
        _ status: fp_status, _ location: SourceLocation = #_sourceLocation, _ body: () throws -> Value
    ) -> Failure? {
        do {
            _ = try body()
            Issue.record("succeeded where status \(status) was due", sourceLocation: location)
        } catch let failure as Failure {
            #expect(failure.status == status, "\(failure)", sourceLocation: location)
            return failure
        } catch {
            Issue.record(error, sourceLocation: location)
        }
        return nil
    }

    @Test("A slot is NULL exactly where the store does not implement it")
    func slots() {
        #expect(table.copy == nil && table.list_pending == nil)
        #expect(table.list != nil && table.write_resume != nil && table.write_sync != nil && table.write_discard != nil)
        #expect(table.presign != nil)
        #expect(table.get_extension(store.instance, FP_EXT_TRANSFER) == nil)
        #expect(table.get_extension(nil, "fp.unknown/1") == nil)
        #expect(table.head.magic == FP_MAGIC && table.head.struct_size == 304)
    }

    @Test("The entry point refuses other majors and a second plugin, and always gives the same table")
    func entry() {
        let newer = HostRecord()
        newer.pointer.pointee.abi_major = 2
        #expect(PluginEntry.table(of: MemoryStore.self, for: newer.pointer) == nil)
        #expect(PluginEntry.table(of: MemoryStore.self, for: nil) == nil)
        #expect(PluginEntry.table(of: MemoryStore.self, for: HostRecord().pointer) == memoryPlugin.table)
    }

    @Test("Options fill the contract's table")
    func options() throws {
        let options = UnsafeBufferPointer(start: table.options, count: Int(table.n_options))
        let texts = options.map { option in
            "\(String(cString: option.key)) \(option.type) \(option.flags) "
                + "\(option.default_text.map { String(cString: $0) } ?? "-") "
                + "\(option.choices.map { String(cString: $0) } ?? "-") \(option.min) \(option.max)"
        }
        #expect(
            texts == [
                "answer 3 0 42 - 1 100", "label 1 1 - - 0 0", "limit 5 4 8MiB - 0 0", "patience 6 0 1500ms - 0 0",
                "access.key 1 3 - - 0 0", "mode 7 0 safe fast|safe 0 0",
            ])
        #expect(table.option_size == UInt32(MemoryLayout<fp_option>.stride))
    }

    @Test("Options are decoded with their types, defaults and bounds")
    func configuration() throws {
        let host = HostRecord()
        _ = try TestStore(memoryPlugin, ["label": "hi", "answer": "7", "access.key": "x"], host: host)
        #expect(host.logged.map(\.fields) == [["label", "hi 7", "trace", "trace-1"]])
        #expect(host.logged.map(\.message) == ["created"])
        expectFailure(FP_E_CONFIG) { try TestStore(memoryPlugin, ["answer": "7"]) }
        let bounds = expectFailure(FP_E_CONFIG) {
            try TestStore(memoryPlugin, ["answer": "101", "label": "x"])
        }
        #expect(bounds?.message == "the option `answer` (line 10): must lie between 1 and 100")
        expectFailure(FP_E_CONFIG) {
            try TestStore(memoryPlugin, ["mode": "slow", "label": "x"])
        }
        expectFailure(FP_E_CONFIG) { try TestStore.validate(memoryPlugin, ["answer": "0"]) }
    }

    @Test("Capability bits without their slots are a defect of the plugin")
    func undueCapabilities() {
        misbehave { $0.undueCapability = true }
        expectFailure(FP_E_INTERNAL) { try TestStore(memoryPlugin, ["label": "x"]) }
        #expect(store.caps.flags == FP_CAP_LIST)
        #expect(store.caps.threading == FP_THREADS_SERIAL_INSTANCE)
    }

    @Test("An error arrives with all it says, cut to the host's room at a character")
    func errors() throws {
        let failure = PluginError(
            .throttled, "zwölf\nBoxkämpfer", errno: 11, nativeCode: 503, retryAfter: .milliseconds(2500),
            outcomeUnknown: true, requestID: "id-1")
        misbehave { $0.failure = failure }
        let whole = expectFailure(FP_E_THROTTLED) { try store.stat("k") }
        #expect(
            whole
                == Failure(
                    slot: "stat", status: FP_E_THROTTLED, message: "zwölf Boxkämpfer", errno: 11, nativeCode: 503,
                    retryAfterMilliseconds: 2500, flags: FP_ERRF_OUTCOME_UNKNOWN, requestID: "id-1"))
        for capacity in 0...20 {
            var options = CallOptions()
            options.messageCapacity = capacity
            let message = expectFailure(FP_E_THROTTLED) { try store.stat("k", options) }?.message
            #expect("zwölf Boxkämpfer".hasPrefix(message ?? "?") && (message?.utf8.count ?? 99) <= capacity)
        }
        // A host so old that its record ends before the message.
        var old = fp_error()
        old.struct_size = 16
        let status = withUnsafeMutablePointer(to: &old) { old in
            var call = fp_call()
            call.struct_size = UInt32(MemoryLayout<fp_call>.size)
            call.cancel_fd = -1
            call.deadline_ns = .max
            call.error = old
            return lend("k") { table.stat(store.instance, &call, $0, 0, nil) }
        }
        #expect(status == FP_E_THROTTLED && old.os_errno == 11 && old.native_code == 503)
        #expect(old.retry_after_ms == 0 && old.message.len == 0)
    }

    @Test("Outputs fill what the host's struct has, and not one byte behind it")
    func olderHosts() throws {
        try store.put("k", [1, 2, 3])
        let stat = try #require(table.stat)
        for size in stride(from: 4, through: MemoryLayout<fp_info>.size, by: 4) {
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 16)
            defer { memory.deallocate() }
            memory.initializeMemory(as: UInt8.self, repeating: 0)
            memory.storeBytes(of: UInt32(size), as: UInt32.self)
            let etag = GuardedBuffer(Int(FP_ETAG_MAX))
            if size >= 48 { memory.storeBytes(of: etag.buffer, toByteOffset: 24, as: fp_buf.self) }
            for index in size..<256 { memory[index] = 0xC5 }
            try call { call in
                lend("k") {
                    stat(store.instance, call, $0, 0, memory.baseAddress?.assumingMemoryBound(to: fp_info.self))
                }
            }
            #expect(memory[size...].allSatisfy { $0 == 0xC5 }, "struct_size \(size)")
            #expect(memory.load(as: UInt32.self) == UInt32(size))
            if size >= 16 { #expect(memory.load(fromByteOffset: 8, as: UInt64.self) == 3) }
            if size >= 48 { #expect(memory.load(fromByteOffset: 40, as: Int.self) == 3) }
        }
        // A host of the future: more fields than we know, which stay as they are.
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 512, alignment: 16)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        memory.storeBytes(of: 400, as: UInt32.self)
        for index in MemoryLayout<fp_info>.size..<512 { memory[index] = 0xC5 }
        try call { call in
            lend("k") { stat(store.instance, call, $0, 0, memory.baseAddress?.assumingMemoryBound(to: fp_info.self)) }
        }
        #expect(memory[MemoryLayout<fp_info>.size...].allSatisfy { $0 == 0xC5 })
        #expect(memory.load(as: UInt32.self) == 400)
    }

    @Test("Requests of an older host read as zero where they end")
    func olderRequests() throws {
        try store.put("k", [1, 2, 3])
        let open = try #require(table.read_open)
        var reader: OpaquePointer?
        try call { call in
            lend("k") { key in
                var request = fp_read_req()
                // Ends before `if_match`, which holds rubbish.
                request.struct_size = 40
                request.key = key
                request.length = FP_SIZE_UNKNOWN
                request.if_match = fp_str(ptr: UnsafePointer(bitPattern: 0xDEAD), len: 99)
                return open(store.instance, call, &request, &reader, nil)
            }
        }
        table.read_close(reader)
    }

    @Test("Opaque outputs are given whole or not at all; texts are cut")
    func outputs() throws {
        try store.put("k", [1])
        misbehave { $0.etag = String(repeating: "x", count: Int(FP_ETAG_MAX) + 1) }
        #expect(try store.stat("k").etag == "")
        misbehave { $0.tokenSize = Int(FP_TOKEN_MAX) + 1 }
        expectFailure(FP_E_INVALID) { try store.begin("k", flags: FP_W_RESUMABLE) }
        misbehave { $0.tokenSize = 0 }
        expectFailure(FP_E_INTERNAL) { try store.begin("k", flags: FP_W_RESUMABLE) }
        let buffer = GuardedBuffer(15)
        var health = fp_health()
        health.struct_size = UInt32(MemoryLayout<fp_health>.size)
        health.detail = buffer.buffer
        let ask = try #require(table.health)
        try call { ask(store.instance, $0, 0, &health) }
        #expect(health.detail.string == "first line seco")
        try buffer.check("health")
        #expect(health.state == FP_HEALTH_DEGRADED && health.free_bytes == 5 && health.total_bytes == FP_SIZE_UNKNOWN)
    }

    @Test("A URL is given whole or not at all")
    func presigned() throws {
        let presign = try #require(table.presign)
        func ask(method: UInt32, capacity: Int) throws -> fp_presign_res {
            let buffer = GuardedBuffer(capacity)
            var result = fp_presign_res()
            result.struct_size = UInt32(MemoryLayout<fp_presign_res>.size)
            result.url = buffer.buffer
            try call { call in
                lend("k") { key in
                    var request = fp_presign_req()
                    request.struct_size = UInt32(MemoryLayout<fp_presign_req>.size)
                    request.method = method
                    request.key = key
                    return presign(store.instance, call, &request, &result)
                }
            }
            try buffer.check("presign")
            return result
        }
        let made = try ask(method: FP_PRESIGN_GET, capacity: 100)
        #expect(made.url.len == 100 && made.expires_ms == 77)
        expectFailure(FP_E_INVALID) { try ask(method: FP_PRESIGN_GET, capacity: 99) }
        expectFailure(FP_E_UNSUPPORTED) { try ask(method: 9, capacity: 100) }
    }

    @Test("An unknown flag fails before anything happens")
    func unknownFlags() throws {
        let stat = try #require(table.stat)
        let remove = try #require(table.remove)
        let health = try #require(table.health)
        try store.put("k", [1])
        var info = fp_info()
        info.struct_size = UInt32(MemoryLayout<fp_info>.size)
        expectFailure(FP_E_UNSUPPORTED) {
            try call { call in lend("k") { stat(store.instance, call, $0, 1, &info) } }
        }
        expectFailure(FP_E_UNSUPPORTED) {
            try call { call in lend("k") { remove(store.instance, call, $0, 1) } }
        }
        expectFailure(FP_E_UNSUPPORTED) {
            try call { health(store.instance, $0, 2, nil) }
        }
        expectFailure(FP_E_UNSUPPORTED) { try store.begin("l", flags: 4) }
        let writer = try store.begin("l", flags: FP_W_RESUMABLE)
        expectFailure(FP_E_UNSUPPORTED) { try writer.commit(flags: 2) }
        expectFailure(FP_E_UNSUPPORTED) { try writer.sync(4) }
        #expect(try store.stat("k").size == 1)
        #expect(try store.lookup("l") == nil)
    }

    @Test("A reader that ends early is an error, and only a close may follow")
    func shortRead() throws {
        try store.put("k", [1, 2, 3, 4])
        let reader = try store.open("k", offset: 1, length: 2)
        #expect(try reader.read(1) == [2])
        misbehave { $0.shortRead = true }
        let failure = expectFailure(FP_E_TRANSIENT) { try reader.read(10) }
        #expect(failure?.message == "\"k\" ended 1 bytes early")
        misbehave { $0.shortRead = false }
        expectFailure(FP_E_INVALID) { try reader.read(10) }
        let closed = MemoryReader.closed.withLock { $0 }
        expectFailure(FP_E_RANGE) { try store.open("k", offset: 5) }
        #expect(MemoryReader.closed.withLock { $0 } == closed + 1)
    }

    @Test("A writer allows the contract's order of calls and no other")
    func writerOrder() throws {
        let writer = try store.begin("k")
        try writer.write([1])
        expectFailure(FP_E_INVALID) { try writer.commit(size: 2) }
        expectFailure(FP_E_INVALID) { try writer.write([2]) }
        misbehave { $0.failure = PluginError(.transient, "not now") }
        expectFailure(FP_E_TRANSIENT) { try writer.commit() }
        misbehave { $0.failure = nil }
        try writer.commit()
        expectFailure(FP_E_INVALID) { try writer.commit() }
        expectFailure(FP_E_INVALID) { try writer.abort() }
        #expect(try store.get("k") == [1])

        let unsure = try store.begin("l")
        misbehave { $0.failure = PluginError(.timeout, "who knows", outcomeUnknown: true) }
        expectFailure(FP_E_TIMEOUT) { try unsure.commit() }
        misbehave { $0.failure = nil }
        expectFailure(FP_E_INVALID) { try unsure.commit() }

        let poisoned = try store.begin("m")
        misbehave { $0.failure = PluginError(.noSpace, "full") }
        expectFailure(FP_E_NO_SPACE) { try poisoned.write([1]) }
        misbehave { $0.failure = nil }
        expectFailure(FP_E_INVALID) { try poisoned.write([1]) }
        expectFailure(FP_E_INVALID) { try poisoned.commit(size: 0) }
        try poisoned.abort()
        try poisoned.abort()
        #expect(try store.lookup("m") == nil)
    }

    @Test("A page never has more entries than were asked for")
    func pages() throws {
        let page = try store.page(limit: 3)
        #expect(page.entries.map(\.key) == ["k0", "k1", "k2"])
        #expect(page.entries.map(\.etag) == ["e0", "e1", "e2"])
        expectFailure(FP_E_UNSUPPORTED) { try store.page(startAfter: "k1") }
    }

    @Test("NULL where the contract wants a pointer is an error, not a crash")
    func nulls() throws {
        #expect(table.stat(store.instance, nil, fp_str(), 0, nil) == FP_E_INVALID)
        #expect(table.caps(nil, nil) == FP_E_INVALID)
        table.read_close(nil)
        table.write_close(nil)
        table.destroy(nil)
        expectFailure(FP_E_INVALID) {
            try call { table.read_open(store.instance, $0, nil, nil, nil) }
        }
        expectFailure(FP_E_INVALID) { try call { table.stat(nil, $0, fp_str(), 0, nil) } }
        expectFailure(FP_E_INVALID) {
            try call { table.write_begin(store.instance, $0, nil, nil, nil) }
        }
    }
}
