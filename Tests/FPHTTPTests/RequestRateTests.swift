import FPFormats
import FPHTTP
import HTTPTypes
import NIOCore
import Support
import Testing

@Suite("How many requests a caller may send")
struct RequestRateTests {
    private static let owner = HTTPField.Name(constant: "Owner")

    private struct Owners: Authenticator {
        let asked: Watched<Int>

        func caller(of request: Request, for access: Access) -> Caller? {
            asked.change { $0 += 1 }
            return request.headers[values: RequestRateTests.owner].first.map { Caller(kind: "test", owner: $0) }
        }
    }

    private struct Door: Mount {
        var methods: [HTTPRequest.Method] { [.get] }
        var accesses: [Access] { [Access("door")] }
        func action(for request: Request, rest: ArraySlice<String>) -> Action {
            Action(for: Access("door")) { _ in .text(.ok, "") }
        }
    }

    /// A server whose clock the test moves, in seconds, and the number of times that somebody was asked who the caller is.
    private func withLimits(
        _ limits: RequestRates.Limits, _ work: (RawClient, Watched<Double>, Watched<Int>) async throws -> Void
    ) async throws {
        let clock = Watched(1000.0)
        let asked = Watched(0)
        let rates = RequestRates(limits) { UInt64(clock.value * 1e9) }
        let keeper = Gatekeeper(
            [Owners(asked: asked)], permissions: Permissions([Access("door"): [.allowAny]]), rates: rates)
        let router = Router(
            [Route(.below("door"), Door())], gatekeeper: keeper, elsewhere: .detail, logger: LogBook().logger)
        try await withServer(
            configure: { $0.trustedProxies = TrustedProxies([AddressBlock("127.0.0.1")].compactMap(\.self)) },
            handler: router
        ) { address in
            try await work(try await RawClient.connect(to: address), clock, asked)
        }
    }

    private static func from(_ address: String, _ owner: String? = nil) -> String {
        get("/door", "X-Forwarded-For: \(address)\r\n" + (owner.map { "Owner: \($0)\r\n" } ?? ""))
    }

    @Test("an address has a burst, and then a number each second; one too many is 429 with the time to wait")
    func addresses() async throws {
        try await withLimits(.init(perAddress: 2, perOwner: 0, burst: 3)) { client, clock, asked in
            for _ in 0..<3 {
                let response = try await client.exchange(Self.from("192.0.2.1"))
                #expect(response.status == 200)
            }
            let refused = try await client.exchange(Self.from("192.0.2.1"))
            #expect(refused.status == 429)
            #expect(refused["Retry-After"] == "1")
            // Before anybody is asked who it is.
            #expect(asked.value == 3)
            let other = try await client.exchange(Self.from("192.0.2.2"))
            #expect(other.status == 200)
            clock.change { $0 += 0.5 }
            let next = try await client.exchange(Self.from("192.0.2.1"))
            #expect(next.status == 200)
            let tooSoon = try await client.exchange(Self.from("192.0.2.1"))
            #expect(tooSoon.status == 429)
            clock.change { $0 += 1000 }
            for status in [200, 200, 200, 429] {
                let response = try await client.exchange(Self.from("192.0.2.1"))
                #expect(response.status == status)
            }
        }
    }

    @Test("of IPv6 addresses, those of one /64 are one; clients without an address share one")
    func networks() async throws {
        try await withLimits(.init(perAddress: 1, perOwner: 0, burst: 1)) { client, _, _ in
            for (address, status) in [
                ("2001:db8:1:2::1", 200), ("2001:db8:1:2:ffff::2", 429), ("2001:db8:1:3::1", 200),
                ("192.0.2.1", 200), ("::ffff:192.0.2.1", 429), ("192.0.2.2", 200),
                ("rubbish", 200), ("unknown", 429),
            ] {
                let response = try await client.exchange(Self.from(address))
                #expect(response.status == status, "\(address)")
            }
        }
    }

    @Test("an owner has the same limit wherever the requests come from, and nobody else does")
    func owners() async throws {
        try await withLimits(.init(perAddress: 0, perOwner: 1, burst: 2)) { client, _, _ in
            for (address, owner, status) in [
                ("192.0.2.1", "bob", 200), ("192.0.2.2", "bob", 200), ("192.0.2.3", "bob", 429),
                ("192.0.2.3", "eve", 200), ("192.0.2.3", nil, 200), ("192.0.2.3", nil, 200), ("192.0.2.3", nil, 200),
            ] as [(String, String?, Int)] {
                let response = try await client.exchange(Self.from(address, owner))
                #expect(response.status == status, "\(address) \(owner ?? "-")")
            }
        }
    }
}
