import FPFormats
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
        var check: DigestCheck?
    }

    private let body: CheckedSource<RequestBodySource>
    private let stated: DigestSet
    private let state: Mutex<State>

    /// - Parameters:
    ///   - content: what is stated of the whole form.
    ///   - file: what is stated of the file in it, beside what its own header states.
    init(_ request: Request, content: DigestSet, file: DigestSet) throws(Problem) {
        body = CheckedSource(RequestBodySource(body: request.body), DigestCheck(content))
        stated = file
        state = Mutex(State(parser: try FilePondDialect.multipartParser(for: request)))
    }

    func next() async throws(ByteSourceError) -> [ByteBuffer]? {
        while true {
            let buffers = try await body.next()
            let pieces = state.withLock { state in Result { () throws(UploadError) in try take(buffers, &state) } }
            do throws(UploadError) {
                let pieces = try pieces.get()
                if buffers == nil { return nil }
                if !pieces.isEmpty { return pieces }
            } catch {
                throw .failed(error)
            }
        }
    }

    func stop() { body.stop() }

    /// The file's bytes among what has arrived; `nil` stands for the end of the body.
    private func take(_ buffers: [ByteBuffer]?, _ state: inout State) throws(UploadError) -> [ByteBuffer] {
        var pieces: [ByteBuffer] = []
        state.parser.append(buffers ?? [])
        while let event = try Self.reading({ () throws(MultipartError) in try state.parser.next() }) {
            switch event {
            case .partBegin(let part):
                state.isInFile = part.filename != nil
                guard state.isInFile else { continue }
                state.files += 1
                state.check = DigestCheck(try stated(by: part))
            case .bytes(let piece):
                guard state.isInFile else { continue }
                state.check?.note([piece])
                pieces.append(piece)
            case .partEnd:
                if state.isInFile { try state.check?.verify() }
                state.isInFile = false
            case .end: break
            }
        }
        if buffers == nil { try Self.reading { () throws(MultipartError) in try state.parser.finish() } }
        guard state.files <= 1, buffers != nil || state.files == 1 else {
            throw UploadError(.invalid, "The form of a chunk must have exactly one file.")
        }
        return pieces
    }

    private func stated(by part: MultipartPart) throws(UploadError) -> DigestSet {
        var stated = stated
        do throws(Complaint) { try stated.add(part.digests) } catch {
            throw UploadError(.invalid, "The header of the form's file \(error.text).")
        }
        return stated
    }

    private static func reading<Value>(_ read: () throws(MultipartError) -> Value) throws(UploadError) -> Value {
        do throws(MultipartError) { return try read() } catch {
            throw UploadError(.invalid, Problem(error).sentence)
        }
    }
}
