import FPContractDriver
import Synchronization

/// Runs `body` on `count` threads at once, which start together, and waits for all of them.
package func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    // `run` throws only what the body throws, and this one throws nothing.
    try? HostThreads.run(count) { body($0) }
}

/// Collects from many threads.
package final class Collected<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    package init() {}

    package func add(_ element: Element) { elements.withLock { $0.append(element) } }

    package var all: [Element] { elements.withLock { $0 } }
}
