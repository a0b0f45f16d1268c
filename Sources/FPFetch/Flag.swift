import Synchronization

/// A fact that becomes true once and stays so.
final class Flag: Sendable {
    private let value = Atomic(false)

    var isRaised: Bool { value.load(ordering: .acquiring) }

    /// Makes it true; false if it was so before.
    func raise() -> Bool {
        !value.exchange(true, ordering: .acquiringAndReleasing)
    }
}
