import Crypto
import FPCatalog
import FPEvents
import FPFormats
import Foundation
import Support
import Synchronization
import Testing

@Suite struct DeliveryTests {
    @Test func `an event is sent as it is on record, signed by each secret`() async throws {
        let application = try ReceivingApplication { _, _ in "204 No Content" }
        let desk = try await Desk()
        let second = "whsec_" + Base64.encoded(Array(repeating: UInt8(7), count: 32))
        try await desk.delivering(to: application.url, secrets: [Desk.secret, second]) {
            try await desk.upload()
            try await desk.wait(for: [.delivered])
        }
        let message = application.messages[0]
        let event = try await desk.log.events(matching: EventQuery())[0]
        #expect(message.line == "POST /hooks?key=k HTTP/1.1")
        #expect(message.fields["content-type"] == "application/json")
        #expect(message.id == event.id)
        #expect(message.body == event.payload)
        let signed = "\(event.id).\(message.fields["webhook-timestamp"] ?? "").\(event.payload)"
        let signatures = try [Desk.secret, second].map { secret in
            let key = SymmetricKey(data: try #require(Base64.decoded(secret.dropFirst(6).utf8)))
            return "v1,"
                + Data(HMAC<SHA256>.authenticationCode(for: Data(signed.utf8), using: key)).base64EncodedString()
        }
        #expect(message.fields["webhook-signature"] == signatures.joined(separator: " "))
    }

    @Test(arguments: ["500 Oops", "302 Found\r\nLocation: http://127.0.0.1/x", "404 No", ""])
    func `what is not taken is sent again after the pauses, then it is dead, and can be replayed`(answer: String)
        async throws
    {
        let isReady = Mutex(false)
        let application = try ReceivingApplication { _, _ in isReady.withLock { $0 } ? "200 OK" : answer }
        let desk = try await Desk()
        try await desk.delivering(to: application.url) {
            try await desk.upload(deleted: true)
            var failed = try await desk.wait(forFailures: 1)
            let next = try #require(failed.nextTry)
            #expect((10_001...12_001).contains(next.milliseconds))
            desk.time.advance(by: .seconds(12))
            failed = try await desk.wait(forFailures: 2)
            #expect(failed.state == .waiting)
            desk.time.advance(by: .seconds(120))
            failed = try await desk.wait(forFailures: 3)
            #expect(failed.state == .dead)
            #expect(failed.lastError?.isEmpty == false)
            isReady.withLock { $0 = true }
            try await desk.wait(for: [.dead, .delivered], moving: .seconds(120))
            _ = try await desk.log.replay(.dead(receiver: nil), at: desk.clock.now())
            try await desk.wait(for: [.delivered, .delivered])
        }
        let ids = application.messages.map(\.id)
        #expect(Set(ids).count == 2, "an event has one name, however often it is sent")
        #expect(ids.first == ids.last)
    }

    @Test func `the events of an upload come in order, and one that fails holds up no other upload's`() async throws {
        let first = Mutex<String?>(nil)
        let application = try ReceivingApplication { message, before in
            let isFirst = first.withLock { first in
                first = first ?? message.id
                return first == message.id
            }
            return isFirst && before == 0 ? "503 Busy" : "200 OK"
        }
        let desk = try await Desk()
        try await desk.upload(deleted: true)
        try await desk.delivering(to: application.url) {
            _ = try await desk.wait(forFailures: 1)
            for _ in 0..<20 { try await desk.upload(deleted: true) }
            try await desk.wait(for: [.waiting, .waiting] + Array(repeating: .delivered, count: 40))
            desk.time.advance(by: .seconds(12))
            try await desk.wait(for: Array(repeating: .delivered, count: 42))
        }
        let events = try await desk.log.events(matching: EventQuery())
        var last: [String: Int64] = [:]
        for message in application.messages {
            let event = try #require(events.first { $0.id == message.id })
            #expect(last[event.upload] ?? 0 <= event.number)
            last[event.upload] = event.number
        }
        #expect(application.mostAtOnce <= 4)
    }

    @Test(arguments: ["Retry-After: 60", "Retry-After: Thu, 01 Jan 1970 00:01:00 GMT"])
    func `a receiver says when it wants to be asked again`(field: String) async throws {
        let application = try ReceivingApplication { _, _ in "429 Slow\r\n\(field)" }
        let desk = try await Desk()
        try await desk.delivering(to: application.url) {
            try await desk.upload()
            let failed = try await desk.wait(forFailures: 1)
            #expect((60_000...60_001).contains(try #require(failed.nextTry).milliseconds))
        }
    }

    @Test func `a receiver that is gone for good is sent nothing more, and nothing of it is lost`() async throws {
        let application = try ReceivingApplication { _, before in before == 0 ? "410 Gone" : "200 OK" }
        let desk = try await Desk()
        try await desk.delivering(to: application.url) {
            try await desk.upload()
            #expect(try await desk.wait(forFailures: 1).lastError == "answered 410")
            try await desk.upload()
            desk.time.advance(by: .seconds(4000))
        }
        #expect(application.messages.count == 1)
        try await desk.delivering(to: application.url) {
            _ = try await waitFor("the next start", within: .seconds(30)) {
                try await desk.states().contains(.delivered) ? true : nil
            }
        }
    }

    @Test func `what was under way when the host stopped is sent again`() async throws {
        let gate = DispatchSemaphore(value: 0)
        let application = try ReceivingApplication { _, before in
            if before == 0 { gate.wait() }
            return "200 OK"
        }
        let desk = try await Desk()
        try await desk.upload()
        try await desk.delivering(to: application.url) {
            _ = try await waitFor("the first attempt", within: .seconds(30)) {
                application.messages.isEmpty ? nil : true
            }
        }
        #expect(try await desk.states() == [.waiting])
        gate.signal()
        try await desk.delivering(to: application.url) { try await desk.wait(for: [.delivered]) }
        #expect(application.messages.count == 2)
    }

    @Test func `a private address is sent to only if it is allowed`() async throws {
        let application = try ReceivingApplication { _, _ in "200 OK" }
        let port = application.port
        for url in [application.url, "http://localhost:\(port)/", "http://[::ffff:127.0.0.1]:\(port)/"] {
            let desk = try await Desk()
            try await desk.upload()
            try await desk.delivering(to: url, allowing: nil) {
                let failed = try await desk.wait(forFailures: 1)
                #expect(failed.lastError?.contains("events.allow") == true, "\(url): \(failed)")
            }
        }
        #expect(application.messages.isEmpty)
    }

    @Test(arguments: ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ", "whsec_?", "whsec_ " + Desk.secret])
    func `a text that is no secret is refused without being shown`(text: String) {
        do throws(WebhookSecret.Invalid) {
            _ = try WebhookSecret(text)
            Issue.record("\(text) was taken")
        } catch {
            #expect(text.isEmpty || !error.problem.contains(text))
        }
    }
}
