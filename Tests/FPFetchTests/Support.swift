import FPFetch
import FPFormats
import Logging
import NIOCore
import Synchronization
import Testing

/// A fetcher that may talk to the test servers on 127.0.0.2, and to nothing else outside of the internet.
func makeFetcher(
    allow: [String] = ["127.0.0.2"],
    rules: FetchRules? = nil,
    certificateAuthorities: String? = nil,
    _ change: (inout FetchLimits) -> Void = { _ in }
) throws -> Fetcher {
    var limits = FetchLimits()
    change(&limits)
    var rules = try rules ?? anyPort()
    rules.allow = try hosts(allow)
    return try Fetcher(
        limits: limits,
        rules: rules,
        certificateAuthorities: certificateAuthorities,
        version: "1.2.3",
        logger: Logger(label: "test")
    )
}

/// Rules that let any port pass: the system chooses those of test servers.
func anyPort(_ change: (inout FetchRules) throws -> Void = { _ in }) rethrows -> FetchRules {
    var rules = FetchRules()
    rules.ports = [PortRange(1...65535)]
    try change(&rules)
    return rules
}

/// The hosts that these entries of a list name.
func hosts(_ entries: [String]) throws -> HostList {
    HostList(try entries.map { try HostRule.parse($0).get() })
}

extension Fetcher {
    /// The head and the whole body.
    func fetch(_ url: String) async throws(FetchError) -> (FetchResponse, [UInt8]) {
        let response = try await open(url)
        return (response, try await response.body.collect())
    }

    /// Why a fetch fails, in its head or its body; nil if it does not.
    func failure(_ url: String) async -> FetchError? {
        do throws(FetchError) {
            _ = try await fetch(url)
            return nil
        } catch {
            return error
        }
    }
}

extension FetchBody {
    func collect() async throws(FetchError) -> [UInt8] {
        var bytes: [UInt8] = []
        for try await piece in self { bytes += piece.readableBytesView }
        return bytes
    }
}

/// Waits for something that another thread brings about; false if it does not happen within ten seconds.
func eventually(_ condition: () -> Bool) async -> Bool {
    let deadline = ContinuousClock.now + .seconds(10)
    while !condition() {
        guard ContinuousClock.now < deadline else { return false }
        try? await Task.sleep(for: .milliseconds(2))
    }
    return true
}

func ok(_ body: String, _ fields: String...) -> String {
    let lines = ["HTTP/1.1 200 OK", "Content-Length: \(body.utf8.count)"] + fields
    return lines.joined(separator: "\r\n") + "\r\n\r\n" + body
}

func redirect(to location: String, status: Int = 302) -> String {
    "HTTP/1.1 \(status) Moved\r\nLocation: \(location)\r\nContent-Length: 0\r\n\r\n"
}

/// A small generator that a seed can repeat.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

/// A fact that becomes true once and stays so.
final class Flag: Sendable {
    private let value = Atomic(false)

    var isRaised: Bool { value.load(ordering: .acquiring) }

    func raise() { value.store(true, ordering: .releasing) }
}
