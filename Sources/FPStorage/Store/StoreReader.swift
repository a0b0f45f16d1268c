import NIOCore
import Synchronization

extension Store {
    /// Opens an object for reading.
    /// - Parameters:
    ///   - offset: the first byte.
    ///   - length: how many bytes, clipped to the end; `nil` = to the end.
    ///   - ifMatch: the etag of the version that is wanted.
    ///   - asFile: whether a file is wanted in place of bytes, where they are many and the plugin has it: see
    ///     ``StoreReader/takeFile()``.
    /// - Throws: ``StoreError``; `.notFound`, `.range`, `.precondition`.
    public nonisolated(nonsending) func read(
        _ key: String, offset: UInt64 = 0, length: UInt64? = nil, ifMatch: String? = nil, asFile: Bool = false
    ) async throws(StoreError) -> StoreReader {
        try check(key, for: .readOpen)
        let request = ReadRequest(key: key, offset: offset, length: length, ifMatch: ifMatch)
        let readSize = limits.readSize
        let opened = try await runRepeatedly(.readOpen, about: CallSubject(key)) { context throws(StoreError) in
            try OpenedRead(request, store: self, readSize: readSize, asFile: asFile, context)
        }
        return StoreReader(store: self, request: request, opened: opened)
    }

    /// Opens the rest of a read, once.
    nonisolated(nonsending) func reopen(
        _ request: ReadRequest, deadline: MonotonicTime
    ) async throws(StoreError) -> OpenedRead {
        let readSize = limits.readSize
        return try await run(.readOpen, about: CallSubject(request.key), deadline: deadline) {
            context throws(StoreError) in
            try OpenedRead(request, store: self, readSize: readSize, context)
        }
    }
}

/// An open read of one version of an object. Closes itself when nobody holds it any more.
public final class StoreReader: Sendable {
    /// The whole object, whatever range is read.
    public let info: ObjectInfo

    private struct State {
        var handle: PluginHandle?
        /// What came with the opening: bytes, or the file that holds them all.
        var first: ByteBuffer?
        var file: StoreFile?
        /// Where in the object the next byte is, and how many follow.
        var rest: ReadRequest
        var remaining: UInt64
        /// What the plugin reported behind the last bytes that it gave.
        var lateFailure: StoreError?
        /// Why the reader is of no use any more.
        var failure: StoreError?
        var isBusy = false
        var isClosed = false
    }

    private enum Step {
        case end
        case first(ByteBuffer)
        case read(from: PluginHandle?, remaining: UInt64, after: StoreError?)
    }

    /// In bytes. A plugin may return a single byte per call, which would not be worth a job on the pool.
    private static let leastFill = 64 * 1024

    private let store: Store
    private let state: Mutex<State>

    init(store: Store, request: ReadRequest, opened: OpenedRead) {
        self.store = store
        info = opened.info
        state = Mutex(
            State(
                handle: opened.handle, first: opened.file == nil ? opened.first : nil, file: opened.file, rest: request,
                remaining: opened.promised))
    }

    deinit {
        close()
    }

    /// The file that holds all the bytes; for whoever asks first, and nil if it was not asked for, or if there is none.
    /// Nothing needs to be read then: a reader whose file was not taken, or is of no use, brings the same bytes.
    public func takeFile() -> StoreFile? {
        state.withLock { state in
            defer { state.file = nil }
            return state.file
        }
    }

    /// All the bytes, if they came with the opening; there are no more then.
    public func takeWhole() -> ByteBuffer? {
        let whole: ByteBuffer? = state.withLock { state in
            guard let first = state.first, UInt64(first.readableBytes) == state.remaining else { return nil }
            state.first = nil
            return first
        }
        if let whole { delivered(whole) }
        return whole
    }

    /// The next bytes, in a buffer of their own; `nil` after the last. One call at a time.
    ///
    /// A connection that is lost on the way is made again, as long as the object is still the same version.
    /// - Throws: ``StoreError``; after an error the reader is of no further use.
    public nonisolated(nonsending) func next() async throws(StoreError) -> ByteBuffer? {
        switch try begin() {
        case .end: return nil
        case .first(let first):
            delivered(first)
            return first
        case .read(let handle, let remaining, let failure):
            do throws(StoreError) {
                let (buffer, lateFailure) = try await read(handle, remaining, after: failure)
                delivered(buffer, before: lateFailure)
                return buffer
            } catch {
                failed(error)
                throw error
            }
        }
    }

    /// Ends the read, at any point and from any task.
    public func close() {
        let handle = state.withLock { state in
            state.isClosed = true
            state.first = nil
            state.file = nil
            defer { state.handle = nil }
            return state.handle
        }
        handle?.close()
    }

    private func begin() throws(StoreError) -> Step {
        let step: Result<Step, StoreError> = state.withLock { state in
            if state.isBusy { return .failure(store.errors.misuse(.read, "another call on it is under way")) }
            if let failure = state.failure { return .failure(failure) }
            if state.isClosed { return .failure(store.errors.misuse(.read, "it is closed")) }
            if state.remaining == 0 { return .success(.end) }
            state.isBusy = true
            if let first = state.first {
                state.first = nil
                return .success(.first(first))
            }
            return .success(.read(from: state.handle, remaining: state.remaining, after: state.lateFailure))
        }
        return try step.get()
    }

    private typealias Filled = (buffer: ByteBuffer, lateFailure: StoreError?)

    /// Reads on, over a new connection if need be.
    private nonisolated(nonsending) func read(
        _ handle: PluginHandle?, _ remaining: UInt64, after lateFailure: StoreError?
    ) async throws(StoreError) -> Filled {
        let deadline = store.deadline(of: .read)
        var policy = RetryPolicy(deadline: deadline)
        var failure = lateFailure
        if let handle, failure == nil {
            do throws(StoreError) {
                return try await fill(from: handle, remaining)
            } catch {
                failure = error
            }
        }
        while true {
            if let failed = failure {
                guard info.etag != nil, let pause = policy.pause(after: failed) else { throw failed }
                try await store.sleep(pause, in: .read)
            }
            do throws(StoreError) {
                return (try await reopen(deadline).first, nil)
            } catch {
                guard error.isRetryable else { throw error }
                failure = error
            }
        }
    }

    private nonisolated(nonsending) func fill(
        from handle: PluginHandle, _ remaining: UInt64
    ) async throws(StoreError) -> Filled {
        let most = Int(min(UInt64(store.limits.readSize), remaining))
        return try await handle.perform(.read) { [store] context, pointer throws(StoreError) in
            var buffer = ByteBuffer()
            do throws(StoreError) {
                try OpenedRead.fill(
                    &buffer, atLeast: min(most, Self.leastFill), atMost: most, from: pointer, store, context)
            } catch {
                handle.spend("a read on it has failed")
                if buffer.readableBytes == 0 { throw error }
                return (buffer, error)
            }
            return (buffer, nil)
        }
    }

    /// Opens the rest of the same version.
    private nonisolated(nonsending) func reopen(_ deadline: MonotonicTime) async throws(StoreError) -> OpenedRead {
        var (request, old) = state.withLock { state in
            defer { state.handle = nil }
            return (state.rest, state.handle)
        }
        old?.close()
        request.length = state.withLock { $0.remaining }
        if store.capabilities.contains(.ifMatch) { request.ifMatch = info.etag }
        let opened = try await store.reopen(request, deadline: deadline)
        guard opened.info.etag == info.etag, opened.info.size == info.size else {
            opened.handle?.close()
            throw StoreError(
                .precondition, store: store.name, operation: StoreOperation.read.rawValue,
                message: "the object was replaced while it was read")
        }
        let isClosed = state.withLock { state in
            state.handle = opened.handle
            return state.isClosed
        }
        if isClosed {
            close()
            throw store.errors.misuse(.read, "it was closed meanwhile")
        }
        return opened
    }

    private func delivered(_ buffer: ByteBuffer, before lateFailure: StoreError? = nil) {
        let finished = state.withLock { state in
            state.isBusy = false
            state.lateFailure = lateFailure
            state.rest.offset += UInt64(buffer.readableBytes)
            state.remaining -= UInt64(buffer.readableBytes)
            if state.remaining > 0 { return nil as PluginHandle? }
            defer { state.handle = nil }
            return state.handle
        }
        finished?.close()
    }

    private func failed(_ error: StoreError) {
        state.withLock { state in
            state.isBusy = false
            state.failure = error
        }
    }
}
