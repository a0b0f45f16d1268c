import CCurl
import FPPluginKit

/// The status and fields of a reply, with the fields' names in lower case.
struct ResponseHead: Sendable {
    var status = 0
    var fields: [String: String] = [:]

    subscript(name: String) -> String? { fields[name] }

    var isSuccess: Bool { (200..<300).contains(status) }

    /// Takes a line of the head.
    /// - Returns: true if it was the last one of a final head.
    mutating func append(_ line: UnsafeRawBufferPointer) -> Bool {
        var text = line[...]
        while let last = text.last, last == UInt8(ascii: "\r") || last == UInt8(ascii: "\n") { text = text.dropLast() }
        if text.starts(with: "HTTP/".utf8) {
            let words = text.split(separator: UInt8(ascii: " "))
            self = ResponseHead()
            status = words.count > 1 ? Int(String(decoding: words[1], as: UTF8.self)) ?? 0 : 0
            return false
        }
        if text.isEmpty { return status >= 200 }
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")) else { return false }
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var value = text[(colon + 1)...].drop(while: isBlank)
        while let last = value.last, isBlank(last) { value = value.dropLast() }
        fields[String(decoding: text[..<colon], as: UTF8.self).lowercased()] = String(decoding: value, as: UTF8.self)
        return false
    }
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

    /// How the exchange ended.
    struct End: Sendable {
        let code: CURLcode
        let text: String
    }

    struct State: ~Copyable {
        fileprivate(set) var head = ResponseHead()
        fileprivate(set) var hasHead = false
        fileprivate(set) var body: [UInt8] = []
        fileprivate(set) var end: End?
        fileprivate var ring: ByteRing?
        fileprivate var isPaused = false
    }

    /// What happened to bytes that came.
    enum Offer {
        case taken
        /// They have to come again once the reader made room.
        case full
        /// Nobody can want that many.
        case unwanted
    }

    private final class Box {
        var state = State()
    }

    private let monitor = Monitor(Box())
    private let sink: Sink

    /// No list or error of S3 comes near it.
    private static let largestBody = 16 << 20
    private static let ringCapacity = 2 << 20

    init(_ sink: Sink) { self.sink = sink }

    // MARK: - The thread that moves the bytes

    func receive(head: ResponseHead) {
        monitor.withLock { box in
            box.state.head = head
            box.state.hasHead = true
            if sink == .stream, head.isSuccess { box.state.ring = ByteRing(capacity: Self.ringCapacity) }
        }
    }

    func receive(_ bytes: UnsafeRawBufferPointer) -> Offer {
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

    func finish(_ end: End) {
        monitor.withLock { if $0.state.end == nil { $0.state.end = end } }
    }

    // MARK: - The thread that wants them

    /// Waits for the reply's head; nil if the exchange ended without one.
    func head(_ call: borrowing Call) throws(PluginError) -> ResponseHead? {
        try monitor.wait(call) { box -> ResponseHead?? in
            if box.state.hasHead { return .some(box.state.head) }
            return box.state.end == nil ? nil : .some(nil)
        }
    }

    /// Waits for the end.
    func end(_ call: borrowing Call) throws(PluginError) -> (end: End, head: ResponseHead, body: [UInt8]) {
        try monitor.wait(call) { box in
            box.state.end.map { ($0, box.state.head, box.state.body) }
        }
    }

    /// What came, if it has ended.
    var ended: (end: End, head: ResponseHead, body: [UInt8])? {
        monitor.withLock { box in
            box.state.end.map { ($0, box.state.head, box.state.body) }
        }
    }

    /// Waits for the end for a while.
    func waitForEnd(atMost limit: Duration) -> Bool {
        monitor.wait(atMost: limit) { $0.state.end == nil ? nil : true } ?? false
    }

    /// Waits for bytes and moves them.
    /// - Returns: how many, 0 once the exchange has ended and all are gone; and whether there is room again for what
    ///   the other side holds back.
    func read(
        into buffer: UnsafeMutableRawBufferPointer, _ call: borrowing Call
    ) throws(PluginError) -> (count: Int, hasRoom: Bool) {
        try monitor.wait(call) { box in
            let count = box.state.ring?.take(into: buffer) ?? 0
            guard count > 0 || box.state.end != nil else { return nil }
            let hasRoom = box.state.isPaused && (box.state.ring?.room ?? 0) >= Self.ringCapacity / 2
            if hasRoom { box.state.isPaused = false }
            return (count, hasRoom)
        }
    }
}
