import FPPluginKit
import Glibc
import Synchronization

/// Seconds since 1970, as servers stamp files with.
func unixNow() -> UInt32 { UInt32(truncatingIfNeeded: time(nil)) }

/// The times of objects that were removed a moment ago.
///
/// An ETag is made of a time in whole seconds and a size. An object that takes the place of one that was removed within
/// the same second gets a later time, so that it has another ETag. Removals by other processes are not known here, so
/// there the two may share an ETag.
final class RecentTimes: Sendable {
    private let times = Mutex<[Key: UInt32]>([:])
    /// How long a time is kept, in seconds.
    private static let life: UInt32 = 60
    private static let capacity = 10_000

    func note(_ key: Key, _ attributes: Attributes) {
        guard let time = attributes.times?.modified else { return }
        let oldest = unixNow() &- Self.life
        guard time > oldest else { return }
        times.withLock { times in
            if times.count >= Self.capacity { times = times.filter { $0.value > oldest } }
            if times.count < Self.capacity { times[key] = time }
        }
    }

    /// The time that an object under this key must come after.
    func last(of key: Key) -> UInt32? { times.withLock { $0[key] } }
}
