import FPPluginAPI

extension Store {
    /// What the store knows of an object.
    /// - Throws: ``StoreError``; `.notFound` for absent, pending and directory-like keys.
    public nonisolated(nonsending) func stat(_ key: String) async throws(StoreError) -> ObjectInfo {
        try await stat(key, until: nil)
    }

    /// - Parameter deadline: when the answer must be there, if it is a part of something longer.
    nonisolated(nonsending) func stat(_ key: String, until deadline: MonotonicTime?) async throws(StoreError)
        -> ObjectInfo
    {
        try check(key, for: .stat)
        return try await runRepeatedly(.stat, about: CallSubject(key), until: deadline) {
            [instance, errors] context throws(StoreError) in
            var info = context.scratch.info()
            try key.withContractString { key throws(StoreError) in
                try errors.check(.stat, context) {
                    instance.library.table.slots.stat(instance.pointer.raw, $0, key, 0, &info)
                }
            }
            return try ObjectInfo(info, .stat, errors)
        }
    }

    /// Removes an object; one that is not there is removed already.
    /// - Throws: ``StoreError``.
    public nonisolated(nonsending) func remove(_ key: String) async throws(StoreError) {
        try check(key, for: .remove)
        try await runRepeatedly(.remove, about: CallSubject(key)) { [instance, errors] context throws(StoreError) in
            try key.withContractString { key throws(StoreError) in
                try errors.check(.remove, context) {
                    instance.library.table.slots.remove(instance.pointer.raw, $0, key, 0)
                }
            }
        }
    }

    /// Copies or moves an object within the store, without its bytes passing through the host.
    /// - Parameter contentType: what the target gets, as a hint; `nil` for the source's.
    /// - Throws: ``StoreError``; `.unsupported` if the plugin cannot do that for this pair: then read and write.
    @discardableResult
    public nonisolated(nonsending) func copy(
        _ source: String, to target: String, options: CopyOptions = [], ifMatch: String? = nil,
        contentType: String? = nil
    ) async throws(StoreError) -> CopyResult {
        try check(source, for: .copy)
        try check(target, for: .copy)
        guard let copy = library.table.raw.copy else {
            throw errors.unsupported(.copy, "the plugin \(library.name) does not copy")
        }
        let deadline = deadline(of: .copy)
        return try await repeating(.copy, until: deadline) { () async throws(StoreError) in
            try await self.run(.copy, about: CallSubject(target), deadline: deadline) {
                [instance, errors] context throws(StoreError) in
                var result: UInt32 = 0
                var info = context.scratch.info()
                try CopyRequest(source, target, options, ifMatch, contentType).withContract {
                    request throws(StoreError) in
                    try errors.check(.copy, context) { copy(instance.pointer.raw, $0, request, &result, &info) }
                }
                return try CopyResult(info, result, .copy, errors)
            }
        } looking: { _ async throws(StoreError) in
            await self.mayCopyAgain(source, in: self, to: target, options, until: deadline) ? .mayRepeat : .unknown
        }
    }

    /// Copies or moves an object from another store into this one, without its bytes passing through the host.
    /// - Parameter contentType: what the target gets, as a hint; `nil` for the source's.
    /// - Throws: ``StoreError``; `.unsupported` unless both stores are of one plugin that offers `fp.transfer/1` and can
    ///   do it for this pair: then read and write.
    @discardableResult
    public nonisolated(nonsending) func transfer(
        _ source: String, from other: Store, to target: String, options: CopyOptions = [], contentType: String? = nil
    ) async throws(StoreError) -> CopyResult {
        if other === self { return try await copy(source, to: target, options: options, contentType: contentType) }
        try other.check(source, for: .transfer)
        try check(target, for: .transfer)
        guard let transfer = transferSlot(from: other) else {
            throw errors.unsupported(
                .transfer, "the stores \(name) and \(other.name) cannot hand over objects directly")
        }
        let usage = StoreUsage(of: other.activity)
        if other.activity.isClosing { throw errors.unsupported(.transfer, "the store \(other.name) is shutting down") }
        let deadline = deadline(of: .transfer)
        return try await repeating(.transfer, until: deadline) { () async throws(StoreError) in
            try await self.run(.transfer, about: CallSubject(target), deadline: deadline) {
                [instance, errors] context throws(StoreError) in
                var result: UInt32 = 0
                var info = context.scratch.info()
                try CopyRequest(source, target, options, nil, contentType).withContract { request throws(StoreError) in
                    try errors.check(.transfer, context) {
                        transfer(instance.pointer.raw, $0, other.instance.pointer.raw, request, &result, &info)
                    }
                }
                withExtendedLifetime(usage) {}
                return try CopyResult(info, result, .transfer, errors)
            }
        } looking: { _ async throws(StoreError) in
            await self.mayCopyAgain(source, in: other, to: target, options, until: deadline) ? .mayRepeat : .unknown
        }
    }

    /// Whether a copy whose outcome is unknown can be repeated without harm: with `.ifNotExists` only if the target is
    /// absent, with `.move` only if the source is still there. Otherwise the target may be this copy or somebody else's
    /// object, which the caller has to find out.
    private nonisolated(nonsending) func mayCopyAgain(
        _ source: String, in other: Store, to target: String, _ options: CopyOptions, until deadline: MonotonicTime
    ) async -> Bool {
        if options.contains(.ifNotExists), await !isAbsent(target, until: deadline) { return false }
        guard options.contains(.move) else { return true }
        return (try? await other.stat(source, until: deadline)) != nil
    }

    /// Makes a URL by which a client reaches an object directly. Whether the object exists is not checked.
    /// - Throws: ``StoreError``; `.unsupported` if the store has not `.presign`.
    public nonisolated(nonsending) func presign(_ request: PresignRequest) async throws(StoreError) -> PresignedURL {
        try check(request.key, for: .presign)
        guard let presign = library.table.raw.presign else {
            throw errors.unsupported(.presign, "the plugin \(library.name) makes no URLs")
        }
        return try await runRepeatedly(.presign, about: CallSubject(request.key)) {
            [instance, errors] context throws(StoreError) in
            var result = fp_presign_res()
            result.struct_size = UInt32(MemoryLayout<fp_presign_res>.size)
            result.url = context.scratch.wide(Int(FP_URL_MAX))
            // Whoever has the URL can use it.
            defer { context.scratch.wipeWide() }
            try request.withContract { request throws(StoreError) in
                try errors.check(.presign, context) { presign(instance.pointer.raw, $0, request, &result) }
            }
            guard !result.url.isOverfull, let url = result.url.string else {
                throw errors.defect(.presign, "it returned FP_OK and no URL, or one longer than its room")
            }
            return PresignedURL(url: url, expiresMilliseconds: result.expires_ms)
        }
    }

    private typealias Transfer =
        @convention(c) (
            OpaquePointer?, UnsafePointer<fp_call>?, OpaquePointer?, UnsafePointer<fp_copy_req>?,
            UnsafeMutablePointer<UInt32>?, UnsafeMutablePointer<fp_info>?
        ) -> fp_status

    private func transferSlot(from other: Store) -> Transfer? {
        guard other.library === library, limits.threading == .parallel, other.limits.threading == .parallel,
            let found = library.table.raw.get_extension?(instance.pointer.raw, FP_EXT_TRANSFER)
        else { return nil }
        let table = found.assumingMemoryBound(to: fp_ext_transfer.self)
        guard table.pointee.struct_size >= UInt32(MemoryLayout<fp_ext_transfer>.size) else { return nil }
        return table.pointee.transfer
    }
}

/// Keeps a store from being shut down under a call that another store makes.
private final class StoreUsage: Sendable {
    private let activity: StoreActivity

    init(of activity: StoreActivity) {
        self.activity = activity
        activity.callBegan()
    }

    deinit {
        activity.callEnded()
    }
}

/// `fp_copy_req`, in Swift.
private struct CopyRequest {
    let source: String
    let target: String
    let options: CopyOptions
    let ifMatch: String?
    let contentType: String?

    init(
        _ source: String, _ target: String, _ options: CopyOptions, _ ifMatch: String?, _ contentType: String?
    ) {
        self.source = source
        self.target = target
        self.options = options
        self.ifMatch = ifMatch
        self.contentType = contentType
    }

    func withContract(_ body: (UnsafePointer<fp_copy_req>) throws(StoreError) -> Void) throws(StoreError) {
        try source.withContractString { source throws(StoreError) in
            try target.withContractString { target throws(StoreError) in
                try ifMatch.withContractString { ifMatch throws(StoreError) in
                    try contentType.withContractString { contentType throws(StoreError) in
                        var request = fp_copy_req(
                            struct_size: UInt32(MemoryLayout<fp_copy_req>.size), flags: options.rawValue, src: source,
                            dst: target, if_match: ifMatch, content_type: contentType)
                        try body(&request)
                    }
                }
            }
        }
    }
}

extension PresignRequest {
    fileprivate func withContract(
        _ body: (UnsafePointer<fp_presign_req>) throws(StoreError) -> Void
    ) throws(StoreError) {
        let seconds = UInt32(clamping: max(1, lifetime.components.seconds))
        try key.withContractString { key throws(StoreError) in
            try contentType.withContractString { contentType throws(StoreError) in
                try contentDisposition.withContractString { contentDisposition throws(StoreError) in
                    try cacheControl.withContractString { cacheControl throws(StoreError) in
                        var request = fp_presign_req(
                            struct_size: UInt32(MemoryLayout<fp_presign_req>.size), flags: 0, method: method.rawValue,
                            ttl_s: seconds, key: key, content_type: contentType,
                            content_disposition: contentDisposition, cache_control: cacheControl)
                        try body(&request)
                    }
                }
            }
        }
    }
}

extension CopyResult {
    fileprivate init(
        _ info: fp_info, _ result: UInt32, _ operation: StoreOperation, _ errors: ErrorMaker
    ) throws(StoreError) {
        self.init(
            info: try ObjectInfo(info, operation, errors), streamed: result & FP_COPYR_STREAMED != 0,
            atomic: result & FP_COPYR_ATOMIC != 0)
    }
}

extension ObjectInfo {
    /// Reads what a plugin filled in.
    init(_ info: fp_info, _ operation: StoreOperation, _ errors: ErrorMaker) throws(StoreError) {
        guard info.size != FP_SIZE_UNKNOWN else {
            throw errors.defect(operation, "it returned FP_OK and no size")
        }
        guard !info.etag.isOverfull, !info.content_type.isOverfull else {
            throw errors.defect(operation, "its etag or content type is longer than the room it was given")
        }
        self.init(
            size: info.size, modifiedNanoseconds: info.mtime_ns == FP_TIME_UNKNOWN ? nil : info.mtime_ns,
            etag: info.etag.string, contentType: info.content_type.string)
    }
}
