import FPPluginAPI
import Synchronization

/// A pointer of the plugin's that the host passes back to it, untouched.
///
/// `@unchecked Sendable`: by R3 of the contract no call has thread affinity; that a reader or writer has one call at a
/// time is seen to by ``PluginHandle``.
struct PluginPointer: @unchecked Sendable {
    let raw: OpaquePointer
}

/// One configured back-end (`fp_instance`). It is destroyed when nothing uses it any more: every call and handle
/// holds on to it.
final class PluginInstance: Sendable {
    let pointer: PluginPointer
    let library: PluginLibrary
    let host: HostTable
    let errors: ErrorMaker
    /// The function of the extension `fp.read_fd/1`; nil if the plugin does not offer it.
    let readFD: ReadFD?
    private let isDestroyed = Atomic<Bool>(false)

    init(pointer: PluginPointer, library: PluginLibrary, host: HostTable, errors: ErrorMaker) {
        self.pointer = pointer
        self.library = library
        self.host = host
        self.errors = errors
        readFD = Self.readFD(of: pointer, library.table)
    }

    deinit {
        if isDestroyed.load(ordering: .acquiring) { return }
        let call = DetachedCall(
            destroySite, deadline: deadline, grace: .seconds(5), requestContext: nil, body: destruction)
        call.start(in: library.control, lane: .release)
    }

    /// Destroys the instance now and waits for it. Only when no call is under way, no handle open, and none will be.
    nonisolated(nonsending) func destroy() async {
        if isDestroyed.exchange(true, ordering: .acquiringAndReleasing) { return }
        let call = Call<Void>(
            destroySite, deadline: deadline, grace: .seconds(5), requestContext: nil, body: destruction)
        _ = await withUnsafeContinuation { call.start($0, in: library.control, lane: .release) }
    }

    typealias ReadFD =
        @convention(c) (OpaquePointer?, UnsafePointer<fp_call>?, UnsafeMutablePointer<fp_file_piece>?) -> fp_status

    private static func readFD(of instance: PluginPointer, _ table: PluginTable) -> ReadFD? {
        guard let found = table.raw.get_extension?(instance.raw, FP_EXT_READ_FD) else { return nil }
        let offer = found.assumingMemoryBound(to: fp_ext_read_fd.self)
        guard offer.pointee.struct_size >= UInt32(MemoryLayout<fp_ext_read_fd>.size) else { return nil }
        return offer.pointee.read_fd
    }

    private var destroySite: CallSite {
        CallSite(
            store: errors.store, operation: .destroy, observer: nil,
            journalEntry: CallJournal.entry(store: errors.store, plugin: library.path))
    }

    /// The contract gives a plugin 5 seconds.
    private var deadline: MonotonicTime { .now + .seconds(5) }

    private var destruction: ResultJob<Void>.Body {
        { [pointer, library, host] _ in
            library.table.slots.destroy(pointer.raw)
            withExtendedLifetime(host) {}
        }
    }
}

/// Makes errors of what a plugin returns, with the store's name in them and its secrets not.
struct ErrorMaker: Sendable {
    let store: String
    let mask: SecretMask

    /// Makes a call and throws what it reports.
    func check(
        _ operation: StoreOperation, _ context: CallContext, _ body: (UnsafePointer<fp_call>) -> fp_status
    ) throws(StoreError) {
        let (status, failure) = context.perform(body)
        guard status == FP_OK else { throw error(operation, status, failure, context) }
    }

    /// The plugin did what the contract forbids.
    func defect(_ operation: StoreOperation, _ message: String) -> StoreError {
        StoreError(
            .internalError, store: store, operation: operation.rawValue,
            message: "the plugin broke its contract: \(message)")
    }

    /// The host's caller did what the contract forbids; no plugin was asked.
    func misuse(_ operation: StoreOperation, _ message: String) -> StoreError {
        StoreError(.invalid, store: store, operation: operation.rawValue, message: message)
    }

    func unsupported(_ operation: StoreOperation, _ message: String) -> StoreError {
        StoreError(.unsupported, store: store, operation: operation.rawValue, message: message)
    }

    private func error(
        _ operation: StoreOperation, _ status: fp_status, _ failure: CallFailure?, _ context: CallContext
    ) -> StoreError {
        var code = StoreError.Code(status: status)
        // The watchdog cancels at the deadline too, for plugins that look at nothing but the descriptor.
        if code == .cancelled, context.isPastDeadline { code = .timeout }
        let message = failure.map { mask($0.message).singleLine } ?? ""
        return StoreError(
            code, store: store, operation: operation.rawValue,
            message: message.isEmpty ? "status \(status), no message" : message,
            osErrno: failure?.osErrno ?? 0, nativeCode: failure?.nativeCode ?? 0, retryAfter: failure?.retryAfter,
            outcomeUnknown: failure?.outcomeUnknown ?? false,
            requestID: failure?.requestID.map { mask($0).singleLine })
    }
}
