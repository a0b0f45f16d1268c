import FPHTTP
import FPUploads
import NIOCore

/// A request's body as the life of an upload wants it.
struct RequestBodySource: ByteSource {
    let body: RequestBody

    func next() async throws(ByteSourceError) -> [ByteBuffer]? {
        do throws(BodyError) { return try await body.next() } catch { throw ByteSourceError(error) }
    }

    func stop() { body.stop() }
}

extension ByteSourceError {
    /// What a body's end before its time means for an upload.
    init(_ error: BodyError) {
        switch error {
        case .truncated: self = .truncated
        case .tooSlow: self = .tooSlow
        case .cancelled: self = .stopped
        case .malformed, .tooLarge: self = .failed(UploadError(.invalid, Problem(error).sentence))
        }
    }
}
