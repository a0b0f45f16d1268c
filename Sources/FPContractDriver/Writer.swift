import FPPluginAPI
import Glibc

/// An open write.
package final class Writer {
    private let store: Store
    private var writer: OpaquePointer?
    /// The token that the session was begun or resumed with; empty for a one-shot put.
    package let firstToken: [UInt8]
    /// The newest token.
    package private(set) var token: [UInt8]
    /// Bytes accepted so far.
    package private(set) var offset: UInt64

    fileprivate init(_ store: Store, _ writer: OpaquePointer, token: [UInt8], offset: UInt64) {
        self.store = store
        self.writer = writer
        self.token = token
        self.offset = offset
        firstToken = token
    }

    deinit { close() }

    /// Appends bytes; `place` is for a host that is wrong about where they go.
    package func write(_ bytes: [UInt8], at place: UInt64? = nil) throws {
        guard let slot = store.slots.write else { throw Broken("write is NULL", .slot("fp_plugin")) }
        let place = place ?? offset
        // The buffer is the host's again after the call, and soon holds other bytes.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 16)
        defer { buffer.deallocate() }
        buffer.copyBytes(from: bytes)
        try store.current.perform("write") { slot(writer, $0, place, buffer.baseAddress, bytes.count) }
        guard bytes.isEmpty || buffer.baseAddress.map({ memcmp($0, bytes, bytes.count) }) == 0 else {
            throw Broken("write changed the buffer, which is only lent", .rule(2))
        }
        buffer.initializeMemory(as: UInt8.self, repeating: 0xEE)
        offset += UInt64(bytes.count)
    }

    /// - Returns: the durable offset.
    @discardableResult
    package func sync(_ flags: UInt32 = 0) throws -> UInt64 {
        let newest = GuardedBuffer(Int(FP_TOKEN_MAX))
        var state = fp_write_state()
        state.token = newest.buffer
        let (_, filled) = try store.shape.lendOutput(state, of: "write_sync", buffers: [\.token]) { state in
            try store.current.perform("write_sync") {
                store.slots.write_sync?(writer, $0, flags, state) ?? FP_E_UNSUPPORTED
            }
        }
        try newest.check("write_sync")
        if filled.token.len > 0 { token = filled.token.array }
        return filled.durable_offset
    }

    /// Publishes the object.
    /// - Parameters:
    ///   - size: what the host says that was written; nil for what was.
    ///   - digestAlgorithm: FP_DIGEST_*.
    ///   - digest: raw bytes; empty for none.
    @discardableResult
    package func commit(
        size: UInt64? = nil, flags: UInt32 = 0, digestAlgorithm: UInt32 = FP_DIGEST_NONE, digest: [UInt8] = []
    ) throws -> Info {
        guard let slot = store.slots.write_commit else { throw Broken("write_commit is NULL", .slot("fp_plugin")) }
        return try store.withInfo("write_commit") { info in
            try lend(digest) { lent in
                var request = fp_commit_req()
                request.flags = flags
                request.size = size ?? offset
                request.digest_alg = digestAlgorithm
                if !digest.isEmpty { request.digest = lent }
                try store.shape.lend(request) { request in
                    try store.current.perform("write_commit") { slot(writer, $0, request, info) }
                }
            }
        }
    }

    package func abort() throws {
        guard let slot = store.slots.write_abort else { throw Broken("write_abort is NULL", .slot("fp_plugin")) }
        try store.current.perform("write_abort") { slot(writer, $0) }
    }

    package func close() {
        guard let open = writer else { return }
        writer = nil
        Breadcrumb.shared.leave("write_close")
        store.slots.write_close?(open)
        Breadcrumb.shared.leave("after write_close")
    }
}

/// What became of a session.
package enum Resumed {
    case open(Writer)
    case committed

    /// Nil if the session is committed.
    package var writer: Writer? { if case .open(let writer) = self { writer } else { nil } }
}

extension Store {
    /// Begins a write.
    /// - Parameters:
    ///   - flags: FP_W_*.
    ///   - size: the whole object's, in bytes.
    package func begin(
        _ key: String, flags: UInt32 = 0, size: UInt64 = FP_SIZE_UNKNOWN, contentType: String? = nil,
        metadata: [(key: String, value: String)] = []
    ) throws -> Writer {
        guard let slot = slots.write_begin else { throw Broken("write_begin is NULL", .slot("fp_plugin")) }
        let newest = GuardedBuffer(Int(FP_TOKEN_MAX))
        var state = fp_write_state()
        state.token = newest.buffer
        var out: OpaquePointer?
        do {
            let (_, filled) = try shape.lendOutput(state, of: "write_begin", buffers: [\.token]) { state in
                try lend(key) { key in
                    try lend(optional: contentType) { type in
                        try lendPairs(metadata) { pairs in
                            var request = fp_write_req()
                            request.flags = flags
                            request.key = key
                            request.size = size
                            request.content_type = type
                            request.metadata = pairs.baseAddress
                            request.n_metadata = pairs.count
                            try shape.lend(request) { request in
                                try current.perform("write_begin") { slot(instance, $0, request, &out, state) }
                            }
                        }
                    }
                }
            }
            try newest.check("write_begin")
            guard let out else { throw Broken("write_begin returned FP_OK and no writer", .slot("write_begin")) }
            let token = filled.token.array
            guard flags & FP_W_RESUMABLE == 0 || !token.isEmpty else {
                throw Broken("write_begin with FP_W_RESUMABLE gave no token", .slot("write_begin"))
            }
            if !token.isEmpty { issued(token) }
            return Writer(self, out, token: token, offset: 0)
        } catch let failure as Failure {
            guard out == nil else { throw Broken("write_begin failed and left a writer in *out", .rule(5)) }
            throw failure
        }
    }

    /// Resumes a session, in this process or another than it was begun in.
    package func resume(
        _ token: [UInt8], at offset: UInt64 = FP_SIZE_UNKNOWN, expecting size: UInt64 = FP_SIZE_UNKNOWN,
        flags: UInt32 = 0
    ) throws -> Resumed {
        let newest = GuardedBuffer(Int(FP_TOKEN_MAX))
        var state = fp_write_state()
        state.token = newest.buffer
        var out: OpaquePointer?
        do {
            let (_, filled) = try shape.lendOutput(state, of: "write_resume", buffers: [\.token]) { state in
                try lend(token) { token in
                    var request = fp_resume_req()
                    request.flags = flags
                    request.token = token
                    request.expected_size = size
                    request.offset = offset
                    try shape.lend(request) { request in
                        try current.perform("write_resume") {
                            slots.write_resume?(instance, $0, request, &out, state) ?? FP_E_UNSUPPORTED
                        }
                    }
                }
            }
            try newest.check("write_resume")
            switch (filled.state, out) {
            case (FP_WS_COMMITTED, nil): return .committed
            case (FP_WS_OPEN, let out?):
                let newer = filled.token.array
                return .open(Writer(self, out, token: newer.isEmpty ? token : newer, offset: filled.durable_offset))
            default:
                throw Broken(
                    "write_resume returned state \(filled.state) \(out == nil ? "without" : "with") a writer",
                    .slot("write_resume"))
            }
        } catch let failure as Failure {
            guard out == nil else { throw Broken("write_resume failed and left a writer in *out", .rule(5)) }
            throw failure
        }
    }

    private func lendPairs<Result>(
        _ pairs: [(key: String, value: String)], _ body: (UnsafeBufferPointer<fp_kv>) throws -> Result
    ) rethrows -> Result {
        let texts: [UnsafeMutablePointer<CChar>?] = pairs.flatMap { [strdup($0.0), strdup($0.1)] }
        defer { for text in texts { free(text) } }
        let kvs = pairs.indices.map { index in
            fp_kv(
                key: fp_str(ptr: UnsafePointer(texts[2 * index]), len: pairs[index].0.utf8.count),
                value: fp_str(ptr: UnsafePointer(texts[2 * index + 1]), len: pairs[index].1.utf8.count))
        }
        return try kvs.withUnsafeBufferPointer(body)
    }
}
