import Logging
import Synchronization

/// The number of staged objects that look like temporary uploads but are not this catalog's. The operator is told when
/// it changes, not at each sweep.
final class ForeignObjects: Sendable {
    private let reported = Mutex(0)

    func report(_ count: Int, in store: String, to logger: Logger) {
        let before = reported.withLock { reported in
            defer { reported = count }
            return reported
        }
        guard count != before, count > 0 else { return }
        logger.warning(
            """
            \(count) objects in store "\(store)" look like temporary uploads and are not this catalog's: those of an \
            earlier catalog, or of an earlier fphost. They are left alone; remove them by hand if nobody needs them
            """)
    }
}
