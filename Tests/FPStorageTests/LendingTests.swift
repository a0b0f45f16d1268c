import Dispatch
import FPStorage
import FPThreads
import Glibc
import NIOCore
import Support
import Synchronization
import Testing

@Suite struct `A thread of a store that has nothing else to do` {
    @Test func `goes on with the task that it resumes, and takes its next call`() async throws {
        let test = try await TestStore(settings: StoreSettings(threads: 4))
        try await test.store.put(WriteRequest(key: "k"), [bytes(10)], power: false)
        let executor = LendingExecutor()
        try await withTaskExecutorPreference(executor) { () async throws -> Void in
            try await borrow(from: test.store)
            let thread = pthread_self()
            for _ in 0..<100 {
                #expect(try await test.store.stat("k").size == 10)
                #expect(pthread_self() == thread)
            }
        }
        #expect(executor.loanCount >= 1)
    }

    @Test func `does not go on while a call waits`() async throws {
        let test = try await TestStore(settings: StoreSettings(threads: 1, queue: 1))
        let isFull = Atomic(false)
        try await test.store.put(WriteRequest(key: "k"), [bytes(10)], power: false)
        test.control.hang(.stat)
        let executor = LendingExecutor()
        async let first: Bool = withTaskExecutorPreference(executor) { () async throws -> Bool in
            _ = try await test.store.stat("k")
            return LendingThread.isLent
        }
        try await eventually { test.control[.stat, .inFlight] == 1 }
        let waiting = Task { try await test.store.remove("k") }
        // With a queue of one, that it waits is seen in that another is refused.
        try await eventually {
            isFull.load(ordering: .relaxed)
        } orMeanwhile: {
            let extra = Task { try await failure { try await test.store.list() } }
            try? await Task.sleep(for: .milliseconds(10))
            extra.cancel()
            if (try? await extra.value)?.code == .unavailable { isFull.store(true, ordering: .relaxed) }
        }
        test.control.release(.stat)
        #expect(try await first == false)
        try await waiting.value
    }

    @Test func `and is held up by the task is no hindrance to other calls`() async throws {
        let test = try await TestStore(settings: StoreSettings(threads: 2))
        try await test.store.put(WriteRequest(key: "k"), [bytes(10)], power: false)
        try await withTaskExecutorPreference(LendingExecutor()) { () async throws -> Void in
            try await borrow(from: test.store)
            let others = Task.detached { () async throws -> Void in
                for _ in 0..<20 { #expect(try await test.store.stat("k").size == 10) }
            }
            blockUntilDone(others)
        }
    }

    @Test func `does not keep its store from being shut down by the task`() async throws {
        let test = try await TestStore(settings: StoreSettings(threads: 2))
        try await test.store.put(WriteRequest(key: "k"), [bytes(10)], power: false)
        try await withTaskExecutorPreference(LendingExecutor()) { () async throws -> Void in
            try await borrow(from: test.store)
            await test.store.shutdown()
            #expect(try await failure { try await test.store.stat("k") }.code == .unavailable)
        }
    }

    @Test func `serves many tasks that go on on its threads, at any number of them`() async throws {
        for threads in 1...4 {
            let test = try await TestStore(settings: StoreSettings(threads: threads, queue: 1000))
            try await test.store.put(WriteRequest(key: "k"), [bytes(10)], power: false)
            try await withThrowingTaskGroup { group in
                for _ in 0..<64 {
                    group.addTask {
                        try await withTaskExecutorPreference(LendingExecutor()) { () async throws -> Void in
                            for _ in 0..<50 {
                                async let one = test.store.stat("k").size
                                async let other = test.store.stat("k").size
                                #expect(try await (one, other) == (10, 10))
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(test.control[.stat, .peak] <= threads)
        }
    }
}

/// Makes calls until the task runs on the store's thread: a thread that is quicker than the task, which then does not
/// wait at all, has nothing to go on with.
private func borrow(from store: Store) async throws {
    for _ in 0..<1000 where !LendingThread.isLent { _ = try await store.stat("k") }
    try #require(LendingThread.isLent)
}

/// Holds up the calling thread, which is the point.
private func blockUntilDone(_ task: Task<Void, any Error>) {
    let done = DispatchSemaphore(value: 0)
    Task.detached {
        _ = await task.result
        done.signal()
    }
    #expect(done.wait(timeout: .now() + 60) == .success)
}
