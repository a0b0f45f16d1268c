import FPPluginKit
import Glibc
import Testing

@Suite("FPPluginKit: waiting")
struct WaitingTests {
    @Test("A call is over when the host says so, or by its deadline and descriptor where the host cannot be asked")
    func cancellation() throws {
        func check(_ call: HostCall) -> PluginError.Code? {
            code { () throws(PluginError) in try call.perform { (call) throws(PluginError) in try call.check() } }
        }
        #expect(check(HostCall()) == nil)
        #expect(check(HostCall(isOver: true)) == .cancelled)
        #expect(check(HostCall(deadline: Call.now, isOver: true)) == .timeout)
        #expect(check(HostCall(isOver: nil)) == nil)
        #expect(check(HostCall(deadline: Call.now, isOver: nil)) == .timeout)
        let bell = CancelBell()
        #expect(check(HostCall(cancelFD: bell.descriptor, isOver: nil)) == nil)
        bell.ring()
        #expect(check(HostCall(cancelFD: bell.descriptor, isOver: nil)) == .cancelled)
    }

    @Test("A pause lasts as long as it should, and no longer than the call is wanted")
    func sleeping() throws {
        let start = Call.now
        try HostCall().perform { (call) throws(PluginError) in try call.sleep(.milliseconds(120)) }
        #expect(Call.now - start >= 120_000_000)
        let short = HostCall(deadline: Call.now + 20_000_000)
        #expect(code { () throws(PluginError) in try pauseForAnHour(short) } == .timeout)
        let bell = CancelBell()
        #expect(BackgroundThread.start { bell.ring() })
        #expect(
            code { () throws(PluginError) in try pauseForAnHour(HostCall(cancelFD: bell.descriptor)) } == .cancelled)
    }

    private func pauseForAnHour(_ call: HostCall) throws(PluginError) {
        try call.perform { (call) throws(PluginError) in try call.sleep(.seconds(3600)) }
    }

    @Test("A duration in nanoseconds is exact, and bounded where it does not fit")
    func nanoseconds() {
        #expect(Duration.milliseconds(1500).nanoseconds == 1_500_000_000)
        #expect(Duration.nanoseconds(7).nanoseconds == 7)
        #expect(Duration.zero.nanoseconds == 0)
        #expect(Duration.seconds(Int64.max).nanoseconds == .max / 2)
    }

    @Test("A wait ends with the result that another thread makes possible")
    func handOver() throws {
        let monitor = Monitor([Int]())
        #expect(BackgroundThread.start { for number in 0..<3 { monitor.withLock { $0.append(number) } } })
        let sum = try HostCall().perform { (call) throws(PluginError) in
            try monitor.wait(call) { $0.count == 3 ? $0.reduce(0, +) : nil }
        }
        #expect(sum == 3)
        #expect(
            BackgroundThread.start {
                monitor.withLock(waking: false) { numbers in
                    numbers = []
                    monitor.wakeAll()
                }
            })
        #expect(monitor.wait(atMost: .seconds(60)) { $0.isEmpty ? true : nil } == true)
        #expect(monitor.wait(atMost: .milliseconds(1)) { $0.first } == nil)
    }

    @Test("A wait ends with the call, and says so to what it waited for")
    func givingUp() {
        let monitor = Monitor(0)
        func wait(_ call: HostCall) throws(PluginError) {
            try call.perform { (call) throws(PluginError) in
                try monitor.wait(call) { _ -> Void? in
                    nil
                } onGivingUp: {
                    $0 += 1
                }
            }
        }
        #expect(code { () throws(PluginError) in try wait(HostCall(deadline: Call.now + 1_000_000)) } == .timeout)
        #expect(code { () throws(PluginError) in try wait(HostCall(isOver: true)) } == .cancelled)
        #expect(monitor.withLock { $0 } == 2)
    }

    @Test("A thread of the plugin's own takes no signals, and its maker goes on taking those that it took")
    func signals() throws {
        var one = sigset_t()
        sigemptyset(&one)
        sigaddset(&one, SIGUSR1)
        pthread_sigmask(SIG_UNBLOCK, &one, nil)
        let before = blocked()
        let monitor = Monitor<[Bool]?>(nil)
        #expect(BackgroundThread.start { monitor.withLock { $0 = blocked() } })
        #expect(blocked() == before)
        #expect(monitor.wait(atMost: .seconds(60)) { $0 } == [true, true, true, true])
    }
}

/// Whether the thread takes none of some signals.
private func blocked() -> [Bool] {
    var mask = sigset_t()
    pthread_sigmask(SIG_SETMASK, nil, &mask)
    return [SIGTERM, SIGHUP, SIGCHLD, SIGUSR1].map { sigismember(&mask, $0) == 1 }
}
