import FPPluginAPI
import NIOCore

extension Store {
    /// Begins a write.
    /// - Throws: ``StoreError``; `.unsupported` if it is to be resumable and the store cannot do that.
    public nonisolated(nonsending) func beginWrite(_ request: WriteRequest) async throws(StoreError) -> StoreWriter {
        try check(request.key, for: .writeBegin)
        if request.resumable, !capabilities.contains(.resumable) {
            throw errors.unsupported(.writeBegin, "the store's writes do not survive the process")
        }
        let subject = CallSubject(request.key, isOwn: request.hasOwnKey)
        return try await runRepeatedly(.writeBegin, about: subject) { context throws(StoreError) in
            let (pointer, token) = try self.begin(request, resumable: request.resumable, context)
            let handle = PluginHandle(PluginPointer(raw: pointer), of: self, closedBy: .writeClose, about: subject)
            if request.resumable, token.isEmpty {
                handle.closeInline()
                throw self.errors.defect(.writeBegin, "it began a resumable session and gave no token for it")
            }
            return StoreWriter(
                handle, token: token, isResumable: request.resumable, target: WriteTarget(request), offset: 0,
                durable: 0)
        }
    }

    /// Takes up a session again, after a crash, a restart or a pause.
    /// - Parameters:
    ///   - token: any token that the session ever had.
    ///   - offset: where to stand, `nil` = at the end of what is durable. Bytes behind it are dropped for good. Needs
    ///     `.rewind`.
    ///   - expectedSize: the final size if known, by which a plugin knows its own finished commit.
    ///   - key: what the session publishes under, if known: a commit of unknown outcome is then looked up.
    /// - Throws: ``StoreError``; `.gone` for an unknown session, `.conflict` if it has a live writer.
    public nonisolated(nonsending) func resumeWrite(
        token: [UInt8], offset: UInt64? = nil, expectedSize: UInt64? = nil, key: String? = nil
    ) async throws(StoreError) -> ResumedWrite {
        try await resumeWrite(
            token: token, offset: offset, expectedSize: expectedSize,
            for: key.map { WriteTarget(key: $0, isOwn: false) })
    }

    nonisolated(nonsending) func resumeWrite(
        token: [UInt8], offset: UInt64? = nil, expectedSize: UInt64?, for target: WriteTarget?,
        until deadline: MonotonicTime? = nil
    ) async throws(StoreError) -> ResumedWrite {
        try check(token, for: .writeResume)
        guard let resume = library.table.raw.write_resume else {
            throw errors.unsupported(.writeResume, "the plugin \(library.name) does not resume writes")
        }
        let subject = CallSubject(hash: target?.key.hashValue ?? token.hashValue, isOwn: target?.isOwn ?? false)
        return try await runRepeatedly(.writeResume, about: subject, until: deadline) {
            [instance, errors] context throws(StoreError) in
            var state = context.scratch.writeState()
            var pointer: OpaquePointer?
            try token.withContractString { token throws(StoreError) in
                var request = fp_resume_req()
                request.struct_size = UInt32(MemoryLayout<fp_resume_req>.size)
                request.token = token
                request.expected_size = expectedSize ?? FP_SIZE_UNKNOWN
                request.offset = offset ?? FP_SIZE_UNKNOWN
                try errors.check(.writeResume, context) {
                    resume(instance.pointer.raw, $0, &request, &pointer, &state)
                }
            }
            return try self.resumed(pointer, state, token: token, wanted: offset, target, subject)
        }
    }

    /// Drops a session by its token; an unknown one is dropped already. Never waits behind data calls.
    /// - Throws: ``StoreError``.
    public nonisolated(nonsending) func discardWrite(token: [UInt8]) async throws(StoreError) {
        try check(token, for: .writeDiscard)
        guard let discard = library.table.raw.write_discard else {
            throw errors.unsupported(.writeDiscard, "the plugin \(library.name) does not discard sessions")
        }
        try await runRepeatedly(.writeDiscard, about: CallSubject(hash: token.hashValue, isOwn: false)) {
            [instance, errors] context throws(StoreError) in
            try token.withContractString { token throws(StoreError) in
                try errors.check(.writeDiscard, context) { discard(instance.pointer.raw, $0, token) }
            }
        }
    }

    /// Writes a whole object in one job on the pool: begin, write, commit, close. As its bytes are at hand, it is begun
    /// anew after transient failures.
    ///
    /// Whether a try of unknown outcome happened can be told only where nobody else writes. Elsewhere it is done once
    /// more if that replaces, and left open if it must not.
    /// - Parameters:
    ///   - power: durable against loss of power when the call returns.
    ///   - each: asked at the beginning of each try for what sees its buffers.
    /// - Throws: ``StoreError``; then nothing is published, unless ``StoreError/outcomeUnknown`` is set.
    @discardableResult
    public nonisolated(nonsending) func put(
        _ request: WriteRequest, _ bytes: [ByteBuffer], power: Bool,
        each: (@Sendable () -> StoreWriter.Inspection)? = nil
    ) async throws(StoreError) -> ObjectInfo {
        try check(request.key, for: .put)
        let size = bytes.reduce(UInt64(0)) { $0 + UInt64($1.readableBytes) }
        if let declared = request.size, declared != size {
            throw errors.misuse(.put, "\(size) bytes were given, where the request says \(declared)")
        }
        var sized = request
        sized.size = size
        let deadline = deadline(of: .put)
        return try await repeating(.put, until: deadline) { [sized] () async throws(StoreError) in
            try await self.run(.put, about: CallSubject(sized.key, isOwn: sized.hasOwnKey), deadline: deadline) {
                context throws(StoreError) in
                let (pointer, _) = try self.begin(sized, resumable: false, context)
                defer { self.library.table.slots.writeClose(pointer) }
                let inspection = each?()
                var offset: UInt64 = 0
                for buffer in bytes where buffer.readableBytes > 0 {
                    try self.write(buffer, at: offset, inspection, pointer, context)
                    offset += UInt64(buffer.readableBytes)
                }
                return try self.commit(pointer, size: size, power: power, context)
            }
        } looking: { [sized] _ async throws(StoreError) in
            guard sized.ifNotExists else { return .mayRepeat }
            if let info = await WriteTarget(sized).published(size: size, in: self, until: deadline) {
                return .happened(info)
            }
            return await self.isAbsent(sized.key, until: deadline) ? .mayRepeat : .unknown
        }
    }

    /// Whether there is certainly no object under the key.
    nonisolated(nonsending) func isAbsent(_ key: String, until deadline: MonotonicTime) async -> Bool {
        do throws(StoreError) {
            _ = try await stat(key, until: deadline)
            return false
        } catch {
            return error.code == .notFound
        }
    }

    private func check(_ token: [UInt8], for operation: StoreOperation) throws(StoreError) {
        guard (1...Int(FP_TOKEN_MAX)).contains(token.count) else {
            throw errors.misuse(operation, "the token has \(token.count) bytes, which no token of this store's has")
        }
    }

    private func begin(
        _ request: WriteRequest, resumable: Bool, _ context: CallContext
    ) throws(StoreError) -> (writer: OpaquePointer, token: [UInt8]) {
        var state = context.scratch.writeState()
        if !resumable { state.token = fp_buf() }
        var pointer: OpaquePointer?
        let metadata = MetadataArena(request.metadata)
        try request.key.withContractString { key throws(StoreError) in
            try request.contentType.withContractString { contentType throws(StoreError) in
                var contract = fp_write_req()
                contract.struct_size = UInt32(MemoryLayout<fp_write_req>.size)
                contract.flags =
                    (resumable ? FP_W_RESUMABLE : 0) | (request.ifNotExists ? FP_W_IF_NOT_EXISTS : 0)
                contract.key = key
                contract.size = request.size ?? FP_SIZE_UNKNOWN
                contract.content_type = contentType
                contract.metadata = metadata.pairs
                contract.n_metadata = metadata.count
                try errors.check(.writeBegin, context) {
                    library.table.slots.writeBegin(instance.pointer.raw, $0, &contract, &pointer, &state)
                }
            }
        }
        guard let pointer else { throw errors.defect(.writeBegin, "it returned FP_OK and no writer") }
        guard !state.token.isOverfull else {
            library.table.slots.writeClose(pointer)
            throw errors.defect(.writeBegin, "its token is longer than its room")
        }
        return (pointer, state.token.bytes)
    }

    private func resumed(
        _ pointer: OpaquePointer?, _ state: fp_write_state, token: [UInt8], wanted: UInt64?, _ target: WriteTarget?,
        _ subject: CallSubject
    ) throws(StoreError) -> ResumedWrite {
        if state.state == FP_WS_COMMITTED, pointer == nil { return .committed }
        guard let pointer else {
            throw errors.defect(.writeResume, "it returned FP_OK and an open session without a writer")
        }
        let handle = PluginHandle(PluginPointer(raw: pointer), of: self, closedBy: .writeClose, about: subject)
        let complaint: String? =
            if state.state != FP_WS_OPEN {
                "it returned a writer and the state \(state.state), where FP_WS_OPEN (0) is expected"
            } else if state.token.isOverfull {
                "its token is longer than its room"
            } else if let wanted, wanted != state.durable_offset {
                "it stands at \(state.durable_offset), where \(wanted) was asked for"
            } else {
                nil
            }
        if let complaint {
            handle.closeInline()
            throw errors.defect(.writeResume, complaint)
        }
        return .open(
            StoreWriter(
                handle, token: state.token.len == 0 ? token : state.token.bytes, isResumable: true,
                target: target, offset: state.durable_offset, durable: state.durable_offset))
    }
}

extension WriteTarget {
    fileprivate init(_ request: WriteRequest) {
        self.init(key: request.key, isOwn: request.hasOwnKey)
    }
}

/// Metadata pairs in the contract's form, for as long as this object lives.
private final class MetadataArena {
    let pairs: UnsafePointer<fp_kv>?
    let count: Int
    private let texts: UnsafeMutableBufferPointer<CChar>
    private let storage: UnsafeMutableBufferPointer<fp_kv>

    init(_ metadata: [(String, String)]) {
        let size = metadata.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count + 2 }
        texts = .allocate(capacity: size)
        storage = .allocate(capacity: metadata.count)
        count = metadata.count
        var end = texts.startIndex
        for (index, (key, value)) in metadata.enumerated() {
            let key = Self.append(key, to: texts, at: &end)
            let value = Self.append(value, to: texts, at: &end)
            storage.initializeElement(at: index, to: fp_kv(key: key, value: value))
        }
        pairs = metadata.isEmpty ? nil : UnsafePointer(storage.baseAddress)
    }

    deinit {
        texts.deallocate()
        storage.deallocate()
    }

    private static func append(
        _ text: String, to texts: UnsafeMutableBufferPointer<CChar>, at end: inout Int
    ) -> fp_str {
        let start = end
        for byte in text.utf8 {
            texts.initializeElement(at: end, to: CChar(bitPattern: byte))
            end += 1
        }
        texts.initializeElement(at: end, to: 0)
        end += 1
        return fp_str(ptr: texts.baseAddress.map { UnsafePointer($0 + start) }, len: text.utf8.count)
    }
}
