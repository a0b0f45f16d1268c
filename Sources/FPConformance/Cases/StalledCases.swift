import FPContractDriver
import FPPluginAPI
import Glibc

/// A back-end that takes connections and never answers.
enum StalledCases {
    static let all: [Case] = operations.flatMap { operation in
        [
            Case(
                "stalled.deadline.\(operation.name)",
                "\(operation.name) gives up at its deadline when the peer is silent", .rule(4), needs: [.stalled]
            ) {
                bench in
                let peer = try SilentPeer()
                let store = try bench.another(options: bench.plan.stalled?.with(port: peer.port))
                store.invocation.deadline = MonotonicClock.nanoseconds + 1_000_000_000
                try endsSoon(bench, FP_E_TIMEOUT, after: 1) { try operation.call(bench, store) }
            },
            Case(
                "stalled.cancel.\(operation.name)",
                "\(operation.name) gives up when it is cancelled while the peer is silent", .rule(4), needs: [.stalled]
            ) {
                bench in
                let peer = try SilentPeer()
                let store = try bench.another(options: bench.plan.stalled?.with(port: peer.port))
                let cancellation = Cancellation()
                store.invocation.cancellation = cancellation
                try HostThreads.run(2) { index in
                    if index == 0 {
                        usleep(500_000)
                        cancellation.cancel()
                    } else {
                        try endsSoon(bench, FP_E_CANCELLED, after: 0.5) { try operation.call(bench, store) }
                    }
                }
            },
        ]
    }

    private static let operations: [(name: String, call: @Sendable (Bench, Store) throws -> Void)] = [
        ("health", { _, store in _ = try store.health() }),
        ("stat", { bench, store in _ = try store.stat(bench.key()) }),
        ("read_open", { bench, store in try store.open(bench.key()).close() }),
        ("remove", { bench, store in try store.remove(bench.key()) }),
        (
            "write",
            { bench, store in
                let writer = try store.begin(bench.key())
                defer { writer.close() }
                try writer.write([1])
                try writer.commit()
            }
        ),
        (
            "write_begin",
            { bench, store in
                guard try store.capabilities().flags & FP_CAP_RESUMABLE != 0 else {
                    throw Inapplicable(
                        reason: "it does not declare FP_CAP_RESUMABLE before it has reached its back-end")
                }
                try store.begin(bench.key(), flags: FP_W_RESUMABLE).close()
            }
        ),
        (
            "list",
            { bench, store in
                guard store.slots.list != nil else { throw Inapplicable(reason: "it has no list") }
                _ = try store.page(ListRequest(prefix: bench.key("")))
            }
        ),
    ]

    private static func endsSoon(_ bench: Bench, _ status: fp_status, after seconds: Double, _ call: () throws -> Void)
        throws
    {
        let start = MonotonicClock.seconds
        do {
            try call()
            throw Broken("it succeeded although its peer never answers")
        } catch let failure as Failure {
            try bench.check(
                [status, FP_E_TRANSIENT].contains(failure.status),
                "\(failure), where \(StatusName.of(status)) was due")
        }
        let took = MonotonicClock.seconds - start
        // A second after the event is promised; the rest is for a busy machine.
        try bench.check(took < seconds + 5, "it took \(Int(took)) s")
    }
}

/// Listens on 127.0.0.1; the kernel accepts, nobody reads.
private final class SilentPeer {
    let port: UInt16
    private let descriptor: Int32

    init() throws {
        let descriptor = Pipe.raise(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        self.descriptor = descriptor
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, pointer, &length) == 0
            }
        }
        guard bound else { throw DriverFailure("no port for the silent peer: \(String(cString: strerror(errno)))") }
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(descriptor) }
}
