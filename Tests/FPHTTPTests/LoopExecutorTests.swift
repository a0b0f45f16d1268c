import NIOCore
import NIOPosix
import Testing

@testable import FPHTTP

@Suite("Tasks on an event loop")
struct LoopExecutorTests {
    @Test("tasks run on the loop, and those at work when it stops go on without it")
    func stops() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let executor = LoopExecutor(loop)
        let count = 20
        let onLoop = Watched(0)
        let isStopped = Watched(false)
        let isGone = Watched(false)
        let done = Watched(0)
        for _ in 0..<count {
            Task.detached(executorPreference: executor) {
                if loop.inEventLoop { onLoop.change { $0 += 1 } }
                while !isStopped.value { await Task.yield() }
                _ = try? await isGone.wait("the loop's end") { $0 }
                for _ in 0..<10 { await Task.yield() }
                done.change { $0 += 1 }
            }
        }
        try await onLoop.wait("all tasks on the loop") { $0 == count }
        executor.stop()
        isStopped.change { $0 = true }
        try await group.shutdownGracefully()
        isGone.change { $0 = true }
        try await done.wait("all tasks to be done") { $0 == count }
    }

    @Test("a loop that stops does all the work that it took, and says what it does not take")
    func takes() async throws {
        for _ in 0..<100 {
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            let executor = LoopExecutor(group.next())
            let done = Watched(0)
            async let taken = withTaskGroup(of: Int.self) { tasks in
                for _ in 0..<4 {
                    tasks.addTask {
                        var count = 0
                        while executor.execute({ done.change { $0 += 1 } }) {
                            count += 1
                            await Task.yield()
                        }
                        return count
                    }
                }
                return await tasks.reduce(0, +)
            }
            try await done.wait("some work") { $0 > 10 }
            executor.stop()
            try await group.shutdownGracefully()
            #expect(await taken == done.value)
        }
    }
}
