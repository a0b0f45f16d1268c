import Synchronization

/// Names for requests in the log.
enum RequestID {
    private static let process = {
        let digits = String(UInt32.random(in: .min ... .max), radix: 36)
        return String(repeating: "0", count: 7 - digits.count) + digits
    }()
    private static let counter = Atomic<UInt64>(0)

    /// A name that no other request of this process has, and hardly one of another process.
    static func make() -> String {
        "\(process)-\(String(counter.add(1, ordering: .relaxed).newValue, radix: 36))"
    }

    /// Whether a proxy's name for a request is fit for a log line.
    static func isSane(_ id: String) -> Bool {
        (1...64).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }
}
