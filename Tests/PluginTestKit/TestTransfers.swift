import FPPluginAPI

/// An open write.
package final class TestWriter {
    private let store: TestStore
    private var writer: OpaquePointer?
    /// Empty for a one-shot put.
    package private(set) var token: [UInt8]
    package private(set) var offset: UInt64

    fileprivate init(_ store: TestStore, _ writer: OpaquePointer, token: [UInt8], offset: UInt64) {
        self.store = store
        self.writer = writer
        self.token = token
        self.offset = offset
    }

    deinit { close() }

    private var table: fp_plugin { store.library.table.pointee }

    package func write(_ bytes: [UInt8], at place: UInt64? = nil) throws(Failure) {
        let place = place ?? offset
        try perform { call in
            bytes.withUnsafeBytes { table.write?(writer, call, place, $0.baseAddress, $0.count) ?? FP_E_UNSUPPORTED }
        }
        offset += UInt64(bytes.count)
    }

    /// - Returns: the durable offset.
    @discardableResult
    package func sync(_ flags: UInt32 = 0) throws(Failure) -> UInt64 {
        let room = Room(Int(FP_TOKEN_MAX))
        var state = fp_write_state()
        state.struct_size = UInt32(MemoryLayout<fp_write_state>.size)
        state.token = room.buffer
        try perform { table.write_sync?(writer, $0, flags, &state) ?? FP_E_UNSUPPORTED }
        if state.token.len > 0 { token = state.token.array }
        return state.durable_offset
    }

    @discardableResult
    package func commit(size: UInt64? = nil, flags: UInt32 = 0) throws(Failure) -> TestStore.Info {
        try store.withInfo { info throws(Failure) in
            var request = fp_commit_req()
            request.struct_size = UInt32(MemoryLayout<fp_commit_req>.size)
            request.flags = flags
            request.size = size ?? offset
            try perform { table.write_commit?(writer, $0, &request, info) ?? FP_E_UNSUPPORTED }
        }
    }

    package func abort() throws(Failure) {
        try perform { table.write_abort?(writer, $0) ?? FP_E_UNSUPPORTED }
    }

    package func close() {
        guard let open = writer else { return }
        writer = nil
        table.write_close?(open)
    }
}

/// An open read.
package final class TestReader {
    private let store: TestStore
    private let reader: OpaquePointer
    package let info: TestStore.Info

    fileprivate init(_ store: TestStore, _ reader: OpaquePointer, _ info: TestStore.Info) {
        self.store = store
        self.reader = reader
        self.info = info
    }

    deinit { store.library.table.pointee.read_close?(reader) }

    /// At most `capacity` bytes; none at the end.
    package func read(_ capacity: Int = 65536) throws(Failure) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
        defer { buffer.deallocate() }
        var count = 0
        try perform {
            store.library.table.pointee.read?(reader, $0, buffer.baseAddress, capacity, &count) ?? FP_E_UNSUPPORTED
        }
        return Array(buffer.prefix(count))
    }

    package func rest(_ capacity: Int = 65536) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let more = try read(capacity)
            if more.isEmpty { return bytes }
            bytes += more
        }
    }
}

/// What became of a session.
package enum TestResumed {
    case open(TestWriter)
    case committed

    package var writer: TestWriter? { if case .open(let writer) = self { writer } else { nil } }
}

extension TestStore {
    package func begin(
        _ key: String, flags: UInt32 = 0, size: UInt64 = FP_SIZE_UNKNOWN, contentType: String = "",
        metadata: (key: String, value: String)? = nil
    ) throws(Failure) -> TestWriter {
        let room = Room(Int(FP_TOKEN_MAX))
        var state = fp_write_state()
        state.struct_size = UInt32(MemoryLayout<fp_write_state>.size)
        state.token = room.buffer
        var out: OpaquePointer?
        try perform { call in
            lend(key) { key in
                lend(contentType) { type in
                    lend(metadata?.key ?? "") { name in
                        lend(metadata?.value ?? "") { value in
                            var pair = fp_kv(key: name, value: value)
                            return withUnsafePointer(to: &pair) { pair in
                                var request = fp_write_req()
                                request.struct_size = UInt32(MemoryLayout<fp_write_req>.size)
                                request.flags = flags
                                request.key = key
                                request.size = size
                                if !contentType.isEmpty { request.content_type = type }
                                request.metadata = pair
                                request.n_metadata = metadata == nil ? 0 : 1
                                return library.table.pointee.write_begin?(instance, call, &request, &out, &state)
                                    ?? FP_E_UNSUPPORTED
                            }
                        }
                    }
                }
            }
        }
        guard let out, room.isIntact else { preconditionFailure("write_begin broke the contract") }
        return TestWriter(self, out, token: state.token.array, offset: 0)
    }

    package func resume(_ token: [UInt8], at offset: UInt64 = FP_SIZE_UNKNOWN) throws(Failure) -> TestResumed {
        let room = Room(Int(FP_TOKEN_MAX))
        var state = fp_write_state()
        state.struct_size = UInt32(MemoryLayout<fp_write_state>.size)
        state.token = room.buffer
        var out: OpaquePointer?
        try perform { call in
            lend(token) {
                var request = fp_resume_req()
                request.struct_size = UInt32(MemoryLayout<fp_resume_req>.size)
                request.token = $0
                request.expected_size = FP_SIZE_UNKNOWN
                request.offset = offset
                return library.table.pointee.write_resume?(instance, call, &request, &out, &state)
                    ?? FP_E_UNSUPPORTED
            }
        }
        guard let out else {
            precondition(state.state == FP_WS_COMMITTED, "write_resume broke the contract")
            return .committed
        }
        let newer = state.token.array
        return .open(TestWriter(self, out, token: newer.isEmpty ? token : newer, offset: state.durable_offset))
    }

    @discardableResult
    package func put(
        _ key: String, _ bytes: [UInt8], flags: UInt32 = 0, commitFlags: UInt32 = 0
    ) throws(Failure) -> Info {
        let writer = try begin(key, flags: flags, size: UInt64(bytes.count))
        defer { writer.close() }
        try writer.write(bytes)
        return try writer.commit(flags: commitFlags)
    }

    package func open(
        _ key: String, offset: UInt64 = 0, length: UInt64 = FP_SIZE_UNKNOWN, ifMatch: String = ""
    ) throws(Failure) -> TestReader {
        var out: OpaquePointer?
        let info = try withInfo { info throws(Failure) in
            try perform { call in
                lend(key) { key in
                    lend(ifMatch) { etag in
                        var request = fp_read_req()
                        request.struct_size = UInt32(MemoryLayout<fp_read_req>.size)
                        request.key = key
                        request.offset = offset
                        request.length = length
                        if !ifMatch.isEmpty { request.if_match = etag }
                        return library.table.pointee.read_open?(instance, call, &request, &out, info)
                            ?? FP_E_UNSUPPORTED
                    }
                }
            }
        }
        guard let out else { preconditionFailure("read_open succeeded without a reader") }
        return TestReader(self, out, info)
    }

    package func get(_ key: String) throws(Failure) -> [UInt8] { try open(key).rest() }
}
