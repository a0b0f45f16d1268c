import FPPluginAPI
import Glibc

/// An open write.
final class Writer {
    let store: Store
    private var writer: OpaquePointer?
    /// The first token; empty for a one-shot put.
    let token: [UInt8]
    /// The newest token.
    private(set) var lastToken: [UInt8]
    private(set) var offset: UInt64

    fileprivate init(_ store: Store, _ writer: OpaquePointer, token: [UInt8], offset: UInt64) {
        self.store = store
        self.writer = writer
        self.token = token
        self.offset = offset
        lastToken = token
    }

    deinit { close() }

    func write(_ bytes: [UInt8], at place: UInt64? = nil) throws {
        guard let slot = store.table.write else { throw Broken("write is NULL", .slot("fp_plugin")) }
        let place = place ?? offset
        // The buffer is the host's again after the call, and soon holds other bytes.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 16)
        defer { buffer.deallocate() }
        buffer.copyBytes(from: bytes)
        try store.invocation.perform("write") { slot(writer, $0, place, buffer.baseAddress, bytes.count) }
        guard bytes.isEmpty || buffer.baseAddress.map({ memcmp($0, bytes, bytes.count) }) == 0 else {
            throw Broken("write changed the buffer, which is only lent", .rule(2))
        }
        buffer.initializeMemory(as: UInt8.self, repeating: 0xEE)
        offset += UInt64(bytes.count)
    }

    /// - Returns: the durable offset.
    @discardableResult
    func sync(_ flags: UInt32 = 0) throws -> UInt64 {
        let room = Room(Int(FP_TOKEN_MAX))
        var state = fp_write_state()
        state.token = room.buffer
        let (_, filled) = try store.shape.lendOutput(state, of: "write_sync", buffers: [\.token]) { state in
            try store.invocation.perform("write_sync") {
                store.table.write_sync?(writer, $0, flags, state) ?? FP_E_UNSUPPORTED
            }
        }
        try room.check("write_sync")
        if filled.token.len > 0 { lastToken = filled.token.array }
        return filled.durable_offset
    }

    /// What the host says of the whole when it commits.
    struct Commit {
        var size: UInt64?
        var flags: UInt32 = 0
        var digestAlgorithm: UInt32 = FP_DIGEST_NONE
        var digest: [UInt8] = []
    }

    @discardableResult
    func commit(_ commit: Commit = Commit()) throws -> Info {
        guard let slot = store.table.write_commit else { throw Broken("write_commit is NULL", .slot("fp_plugin")) }
        return try store.withInfo("write_commit") { info in
            try lend(commit.digest) { digest in
                var request = fp_commit_req()
                request.flags = commit.flags
                request.size = commit.size ?? offset
                request.digest_alg = commit.digestAlgorithm
                if !commit.digest.isEmpty { request.digest = digest }
                try store.shape.lend(request) { request in
                    try store.invocation.perform("write_commit") { slot(writer, $0, request, info) }
                }
            }
        }
    }

    @discardableResult
    func commit(size: UInt64) throws -> Info { try commit(Commit(size: size)) }

    func abort() throws {
        guard let slot = store.table.write_abort else { throw Broken("write_abort is NULL", .slot("fp_plugin")) }
        try store.invocation.perform("write_abort") { slot(writer, $0) }
    }

    func close() {
        guard let open = writer else { return }
        writer = nil
        Breadcrumb.shared.leave("write_close")
        store.table.write_close?(open)
        Breadcrumb.shared.leave("after write_close")
    }
}

/// What became of a session.
enum Resumed {
    case open(Writer)
    case committed
}

extension Store {
    /// What a write begins with.
    struct Begin {
        var flags: UInt32 = 0
        var size = FP_SIZE_UNKNOWN
        var contentType: String?
        var metadata: [(String, String)] = []
    }

    func begin(_ key: String, _ begin: Begin) throws -> Writer {
        guard let slot = table.write_begin else { throw Broken("write_begin is NULL", .slot("fp_plugin")) }
        let room = Room(Int(FP_TOKEN_MAX))
        var state = fp_write_state()
        state.token = room.buffer
        var out: OpaquePointer?
        do {
            let (_, filled) = try shape.lendOutput(state, of: "write_begin", buffers: [\.token]) { state in
                try lend(key) { key in
                    try lend(optional: begin.contentType) { type in
                        try lendPairs(begin.metadata) { pairs in
                            var request = fp_write_req()
                            request.flags = begin.flags
                            request.key = key
                            request.size = begin.size
                            request.content_type = type
                            request.metadata = pairs.baseAddress
                            request.n_metadata = pairs.count
                            try shape.lend(request) { request in
                                try invocation.perform("write_begin") { slot(instance, $0, request, &out, state) }
                            }
                        }
                    }
                }
            }
            try room.check("write_begin")
            guard let out else { throw Broken("write_begin returned FP_OK and no writer", .slot("write_begin")) }
            let token = filled.token.array
            guard begin.flags & FP_W_RESUMABLE == 0 || !token.isEmpty else {
                throw Broken("write_begin with FP_W_RESUMABLE gave no token", .slot("write_begin"))
            }
            if !token.isEmpty { issued(token) }
            return Writer(self, out, token: token, offset: 0)
        } catch let failure as Failure {
            guard out == nil else { throw Broken("write_begin failed and left a writer in *out", .rule(5)) }
            throw failure
        }
    }

    func begin(_ key: String, _ flags: UInt32 = 0) throws -> Writer { try begin(key, Begin(flags: flags)) }

    func resume(
        _ token: [UInt8], at offset: UInt64 = FP_SIZE_UNKNOWN, expecting size: UInt64 = FP_SIZE_UNKNOWN,
        flags: UInt32 = 0
    ) throws -> Resumed {
        let room = Room(Int(FP_TOKEN_MAX))
        var state = fp_write_state()
        state.token = room.buffer
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
                        try invocation.perform("write_resume") {
                            table.write_resume?(instance, $0, request, &out, state) ?? FP_E_UNSUPPORTED
                        }
                    }
                }
            }
            try room.check("write_resume")
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
        _ pairs: [(String, String)], _ body: (UnsafeBufferPointer<fp_kv>) throws -> Result
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
