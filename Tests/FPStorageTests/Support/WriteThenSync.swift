import FPStorage
import NIOCore

extension StoreWriter {
    /// Writes buffers behind which nothing follows, and makes them durable in the same job.
    @discardableResult
    func write(
        _ buffers: [ByteBuffer], thenSync power: Bool, each: Inspection? = nil
    ) async throws(StoreError) -> WriteProgress {
        guard let progress = try await write(buffers, thenSync: power, each: each, following: { [] }) else {
            fatalError("a write whose end is known was not synced")
        }
        return progress
    }
}
