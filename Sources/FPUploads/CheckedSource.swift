public import NIOCore

/// A body of which digests are stated: it ends well only if they are its bytes'.
public struct CheckedSource<Base: ByteSource>: ByteSource {
    private let base: Base
    private let check: DigestCheck?

    /// - Parameter check: what is stated; nil for nothing.
    public init(_ base: Base, _ check: DigestCheck?) {
        self.base = base
        self.check = check
    }

    /// As the body's; the end fails if the digests are others.
    public func next() async throws(ByteSourceError) -> [ByteBuffer]? {
        let buffers = try await base.next()
        if let buffers {
            check?.note(buffers)
        } else {
            do throws(UploadError) { try check?.verify() } catch { throw .failed(error) }
        }
        return buffers
    }

    /// As the body's; an end that would fail is left to ``next()``.
    public func nextWithoutWaiting() -> [ByteBuffer]? {
        check?.catchUp()
        guard let buffers = base.nextWithoutWaiting() else { return nil }
        if buffers.isEmpty {
            do throws(UploadError) { try check?.verify() } catch { return nil }
        } else {
            check?.note(buffers)
        }
        return buffers
    }

    /// As the body's.
    public func stop() { base.stop() }
}
