import FPPluginAPI
import Glibc
import PluginTestKit

/// Uploads as a host does: in chunks, synced now and then; after a failure it goes on from what is safe, and asks what
/// became of a commit.
package struct Uploader: Sendable {
    private let store: TestStore
    /// The size of a chunk in bytes; the last may be smaller.
    package var step = 100_000
    /// Chunks between two syncs.
    package var stepsPerSync = 3
    /// Takes a session back to what was synced last, and expects that to be possible.
    package var takesBack = false

    package init(_ store: TestStore) { self.store = store }

    /// - Returns: how many calls failed.
    /// - Throws: what no host would try again, and a ``Problem`` when a promise is broken.
    @discardableResult
    package func upload(_ bytes: [UInt8], to key: String) throws -> Int {
        // However often it fails: a busy machine may leave the network broken for long.
        let deadline = monotonic() + 120_000_000_000
        var failures = 0
        var token: [UInt8] = []
        var safe = 0
        while true {
            var writer: TestWriter?
            defer { writer?.close() }
            do {
                if token.isEmpty {
                    writer = try store.begin(key, flags: FP_W_RESUMABLE | FP_W_IF_NOT_EXISTS, size: UInt64(bytes.count))
                    token = writer?.token ?? []
                } else {
                    writer = try store.resume(token, at: takesBack ? UInt64(safe) : FP_SIZE_UNKNOWN).writer
                }
                guard let writer else { return failures }
                guard writer.offset >= safe, !takesBack || writer.offset == safe else {
                    throw Problem("\(key): resumed at \(writer.offset), where \(safe) were safe")
                }
                try pour(bytes, into: writer, &safe)
                try writer.commit()
                return failures
            } catch let failure as Failure {
                guard [FP_E_TRANSIENT, FP_E_THROTTLED, FP_E_TIMEOUT].contains(failure.status), monotonic() < deadline
                else { throw failure }
                failures += 1
                // A pause, as a host makes one, so as not to flood a server that refuses.
                usleep(5000)
            }
        }
    }

    private func pour(_ bytes: [UInt8], into writer: TestWriter, _ safe: inout Int) throws {
        var steps = 0
        while writer.offset < bytes.count {
            let place = Int(writer.offset)
            try writer.write(Array(bytes[place..<min(bytes.count, place + step)]))
            steps += 1
            guard steps % stepsPerSync == 0 else { continue }
            let durable = try writer.sync()
            guard durable == writer.offset else { throw Problem("\(durable) bytes are durable of \(writer.offset)") }
            safe = Int(durable)
        }
    }
}
