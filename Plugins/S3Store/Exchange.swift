import FPCurl
import FPPluginKit

extension ResponseHead {
    /// The value of a field, the last one of several.
    /// - Parameter name: in lower case.
    subscript(name: String) -> String? { values(of: name).last.map { String(decoding: $0, as: UTF8.self) } }

    var isSuccess: Bool { (200..<300).contains(status) }
}

/// One request and its reply, as the thread that moves the bytes and the thread that wants them share it.
final class Exchange: Sendable {
    /// How the reply's body is taken.
    enum Sink {
        /// As a whole, in memory.
        case collect
        /// Bit by bit, if the reply is a success.
        case stream
    }

    /// What came in the end.
    struct Outcome: Sendable {
        /// Why there is no whole reply; nil if there is one.
        let failure: CurlFailure?
        let head: ResponseHead
        let body: [UInt8]
    }

    struct State: ~Copyable {
        fileprivate var head: ResponseHead?
        fileprivate var body: [UInt8] = []
        fileprivate var failure: CurlFailure?
        fileprivate var hasEnded = false
        fileprivate var ring: ByteRing?
        fileprivate var isPaused = false

        fileprivate var outcome: Outcome? {
            hasEnded ? Outcome(failure: failure, head: head ?? ResponseHead(), body: body) : nil
        }
    }

    private final class Box {
        var state = State()
    }

    private let monitor = Monitor(Box())
    private let sink: Sink

    /// In bytes; far more than any list or error of S3.
    private static let largestBody = 16 << 20
    private static let ringCapacity = 2 << 20

    init(_ sink: Sink) { self.sink = sink }

    // MARK: - The thread that moves the bytes

    func receive(head: ResponseHead) {
        monitor.withLock { box in
            box.state.head = head
            if sink == .stream, head.isSuccess { box.state.ring = ByteRing(capacity: Self.ringCapacity) }
        }
    }

    func receive(_ bytes: UnsafeRawBufferPointer) -> Intake {
        monitor.withLock { box in
            guard box.state.ring == nil else {
                guard (box.state.ring?.room ?? 0) >= bytes.count else {
                    box.state.isPaused = true
                    return .full
                }
                box.state.ring?.append(bytes)
                return .taken
            }
            guard box.state.body.count + bytes.count <= Self.largestBody else { return .unwanted }
            box.state.body.append(contentsOf: bytes)
            return .taken
        }
    }

    func finish(_ failure: CurlFailure?) {
        monitor.withLock { box in
            guard !box.state.hasEnded else { return }
            box.state.failure = failure
            box.state.hasEnded = true
        }
    }

    // MARK: - The thread that wants them

    /// Waits for the reply's head; nil if the exchange ended without one.
    func head(_ call: borrowing Call) throws(PluginError) -> ResponseHead? {
        try monitor.wait(call) { box -> ResponseHead?? in
            if let head = box.state.head { return .some(head) }
            return box.state.hasEnded ? .some(nil) : nil
        }
    }

    /// Waits for the end.
    func outcome(_ call: borrowing Call) throws(PluginError) -> Outcome {
        try monitor.wait(call) { $0.state.outcome }
    }

    /// What came, if it has ended.
    var outcome: Outcome? { monitor.withLock { $0.state.outcome } }

    var hasEnded: Bool { monitor.withLock { $0.state.hasEnded } }

    /// Waits for the end for a while.
    func waitForEnd(atMost limit: Duration) -> Bool {
        monitor.wait(atMost: limit) { $0.state.hasEnded ? true : nil } ?? false
    }

    /// Waits for bytes and moves them.
    /// - Returns: how many, 0 once the exchange has ended and all are gone; and whether there is room again for what
    ///   the other side holds back.
    func read(
        into buffer: UnsafeMutableRawBufferPointer, _ call: borrowing Call
    ) throws(PluginError) -> (count: Int, hasRoom: Bool) {
        try monitor.wait(call) { box in
            let count = box.state.ring?.take(into: buffer) ?? 0
            guard count > 0 || box.state.hasEnded else { return nil }
            let hasRoom = box.state.isPaused && (box.state.ring?.room ?? 0) >= Self.ringCapacity / 2
            if hasRoom { box.state.isPaused = false }
            return (count, hasRoom)
        }
    }
}
