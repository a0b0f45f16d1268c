import FPThreads
import Foundation
import Support
import Synchronization
import Testing

@Suite struct LookoutTests {
    private final class Disk: Sendable {
        let looks = Mutex(0)
        let complaints = Mutex(0)
        let gate = DispatchSemaphore(value: 0)

        func need(_ lookout: Lookout, at second: Int) async {
            await lookout.upToDate(at: .seconds(second), whenLate: { self.complaints.withLock { $0 += 1 } }) {
                self.gate.wait()
                self.looks.withLock { $0 += 1 }
            }
        }
    }

    @Test func `a look is had when it is due, once, and all who need it wait for it`() async throws {
        let (disk, lookout) = (Disk(), Lookout(every: .seconds(1), patience: .seconds(60), now: .zero))
        await disk.need(lookout, at: 0)
        #expect(disk.looks.withLock(\.self) == 0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    await disk.need(lookout, at: 1)
                    #expect(disk.looks.withLock(\.self) == 1)
                }
            }
            disk.gate.signal()
            try await group.waitForAll()
        }
        await disk.need(lookout, at: 1)
        #expect(disk.looks.withLock(\.self) == 1)
        disk.gate.signal()
        await disk.need(lookout, at: 2)
        #expect(disk.looks.withLock(\.self) == 2)
        #expect(disk.complaints.withLock(\.self) == 0)
    }

    @Test func `a look that does not end holds nobody up for good`() async throws {
        let (disk, lookout) = (Disk(), Lookout(every: .seconds(1), patience: .milliseconds(1), now: .zero))
        for second in 1...5 { await disk.need(lookout, at: second) }
        try await waitFor("the complaint", within: .seconds(30)) {
            disk.complaints.withLock { $0 == 1 ? true : nil }
        }
        #expect(disk.looks.withLock(\.self) == 0)
        disk.gate.signal()
        // It is over at last, and there are others again.
        disk.gate.signal()
        try await waitFor("the next look", within: .seconds(30)) {
            await disk.need(lookout, at: 9)
            return disk.looks.withLock { $0 == 2 ? true : nil }
        }
        #expect(disk.complaints.withLock(\.self) >= 1)
    }
}
