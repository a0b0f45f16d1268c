import FPFormats
import FPHTTP
import FPMultipart
import FPUploads
import FPUploadsHTTP
import NIOCore
import Synchronization

/// A form while it arrives, as events. The thread that writes a part's bytes may take the bytes behind them itself.
final class FormReader: Sendable {
    private struct State {
        var parser: MultipartParser
        /// What was met behind bytes that were taken early: it is the next event.
        var pending: Result<MultipartEvent, MultipartError>?
    }

    private let body: RequestBody
    private let state: Mutex<State>
    private let check: DigestCheck?

    /// - Parameter content: What is stated of the whole body, as it is sent.
    init(_ body: RequestBody, _ parser: MultipartParser, stated content: DigestSet = DigestSet()) {
        check = DigestCheck(content)
        self.body = body
        state = Mutex(State(parser: parser))
    }

    /// Waits for more of the body, unless there is an event already.
    /// - Returns: false at the end of the body.
    func readMore() async throws(BodyError) -> Bool {
        if state.withLock({ $0.pending != nil }) { return true }
        guard let buffers = try await body.next() else { return false }
        check?.note(buffers)
        state.withLock { $0.parser.append(buffers) }
        return true
    }

    /// The next event of what has been read; nil if there is none.
    func next() throws(Problem) -> MultipartEvent? {
        let event: Result<MultipartEvent?, MultipartError> = state.withLock { state in
            if let pending = state.pending.take() { return pending.map(Optional.some) }
            return Result { () throws(MultipartError) in try state.parser.next() }
        }
        do throws(MultipartError) { return try event.get() } catch { throw Problem(error) }
    }

    /// More bytes of the part whose bytes were the last event, if they have arrived; nil if not.
    func followingBytes() -> [ByteBuffer]? {
        check?.catchUp()
        return state.withLock { state in
            guard state.pending == nil, let buffers = body.nextWithoutWaiting(), !buffers.isEmpty else { return nil }
            check?.note(buffers)
            state.parser.append(buffers)
            var pieces: [ByteBuffer] = []
            do throws(MultipartError) {
                while let event = try state.parser.next() {
                    guard case .bytes(let piece) = event else {
                        state.pending = .success(event)
                        break
                    }
                    pieces.append(piece)
                }
            } catch {
                state.pending = .failure(error)
            }
            return pieces.isEmpty ? nil : pieces
        }
    }

    /// Checks, behind the end of the body, that the form was whole, and the one that was meant.
    func finish() throws(Problem) {
        do throws(MultipartError) {
            try state.withLock { state throws(MultipartError) in try state.parser.finish() }
        } catch { throw Problem(error) }
        do throws(UploadError) { try check?.verify() } catch { throw error.problem }
    }
}
