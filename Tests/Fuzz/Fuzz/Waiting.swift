import Dispatch
import Synchronization

/// Where another thread leaves a value.
private final class Box<Value: Sendable>: Sendable {
    let value = Mutex<Value?>(nil)
    let isThere = DispatchSemaphore(value: 0)
}

/// What asynchronous work comes to. The fuzzer's own thread waits for it.
func awaited<Value: Sendable>(_ work: @escaping @Sendable () async -> Value) -> Value {
    let box = Box<Value>()
    Task.detached {
        let value = await work()
        box.value.withLock { $0 = value }
        box.isThere.signal()
    }
    box.isThere.wait()
    guard let value = box.value.withLock({ $0 }) else { fatalError("no value") }
    return value
}
