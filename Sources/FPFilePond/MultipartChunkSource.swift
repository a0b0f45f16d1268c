import FPHTTP
import FPMultipart
import FPUploads
import FPUploadsHTTP
import NIOCore
import Synchronization

/// A chunk that came wrapped in a form, as the one file in it: what FilePond's `patch.ondata` is used for where a
/// firewall refuses PATCH bodies of the usual type.
final class MultipartChunkSource: ByteSource {
    private struct State {
        var parser: MultipartParser
        var files = 0
        var isInFile = false
    }

    private let body: RequestBody
    private let state: Mutex<State>

    init(_ request: Request) throws(Problem) {
        body = request.body
        state = Mutex(State(parser: try FilePondDialect.multipartParser(for: request)))
    }

    func next() async throws(ByteSourceError) -> [ByteBuffer]? {
        while true {
            let buffers: [ByteBuffer]?
            do throws(BodyError) { buffers = try await body.next() } catch { throw ByteSourceError(error) }
            let pieces = state.withLock { state in Result { () throws(Problem) in try Self.take(buffers, &state) } }
            do throws(Problem) {
                let pieces = try pieces.get()
                if buffers == nil { return nil }
                if !pieces.isEmpty { return pieces }
            } catch {
                throw .failed(UploadError(.invalid, error.sentence))
            }
        }
    }

    func stop() { body.stop() }

    /// The file's bytes among what has arrived; `nil` stands for the end of the body.
    private static func take(_ buffers: [ByteBuffer]?, _ state: inout State) throws(Problem) -> [ByteBuffer] {
        var pieces: [ByteBuffer] = []
        do throws(MultipartError) {
            state.parser.append(buffers ?? [])
            while let event = try state.parser.next() {
                switch event {
                case .partBegin(let part):
                    state.isInFile = part.filename != nil
                    if state.isInFile { state.files += 1 }
                case .bytes(let piece): if state.isInFile { pieces.append(piece) }
                case .partEnd: state.isInFile = false
                case .end: break
                }
            }
            if buffers == nil { try state.parser.finish() }
        } catch {
            throw Problem(error)
        }
        guard state.files <= 1, buffers != nil || state.files == 1 else {
            throw Problem(.badRequest, "The form of a chunk must have exactly one file.")
        }
        return pieces
    }
}
