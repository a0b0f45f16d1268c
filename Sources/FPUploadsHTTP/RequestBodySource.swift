import FPHTTP
import FPUploads
import NIOCore

/// A request's body as a source of an upload's bytes.
package struct RequestBodySource: ByteSource {
    private let body: RequestBody

    package init(body: RequestBody) {
        self.body = body
    }

    package func next() async throws(ByteSourceError) -> [ByteBuffer]? {
        do throws(BodyError) { return try await body.next() } catch { throw ByteSourceError(error) }
    }

    package func nextWithoutWaiting() -> [ByteBuffer]? { body.nextWithoutWaiting() }

    package func stop() { body.stop() }
}

extension ByteSourceError {
    /// What a body that ended early means for an upload.
    package init(_ error: BodyError) {
        switch error {
        case .truncated: self = .truncated
        case .tooSlow: self = .tooSlow
        case .cancelled: self = .stopped
        case .malformed, .tooLarge: self = .failed(UploadError(.invalid, Problem(error).sentence))
        }
    }
}
