import Crypto
import Foundation
import Support
import Testing

@testable import FPAccess

@Suite struct CrowdTests {
    private static let seed = HMAC<SHA256>(key: SymmetricKey(size: .bits256))

    private func question(_ name: String, _ address: String) throws -> Question {
        let text = Data("\(name):guess".utf8).base64EncodedString()
        return Question(try #require(BasicCredentials(text)), from: address, Self.seed)
    }

    @Test func `logins that wait are bounded in all, but for those that were right from their address before`() throws {
        var crowd = Crowd()
        var waiting: [Question] = []
        for number in 0..<Crowd.mostInAll {
            let question = try question("user \(number / 8)", "address \(number / 8)")
            try #require(crowd.excess(question, isKnown: false) == nil)
            crowd.add(question, isKnown: false)
            waiting.append(question)
        }
        let (other, known) = (try question("ann", "there"), try question("ben", "here"))
        #expect(crowd.excess(other, isKnown: false) == .inAll)
        for _ in 0..<Crowd.mostOfAddress {
            #expect(crowd.excess(known, isKnown: true) == nil)
            crowd.add(known, isKnown: true)
        }
        #expect(crowd.excess(known, isKnown: true) == .ofAddress)
        // Nor do others at that address hold it up.
        #expect(crowd.excess(try question("cat", "here"), isKnown: true) == nil)
        for _ in 0..<Crowd.mostOfAddress { crowd.remove(known, isKnown: true) }
        crowd.remove(waiting.removeLast(), isKnown: false)
        #expect(crowd.excess(other, isKnown: false) == nil)
        for question in waiting { crowd.remove(question, isKnown: false) }
        #expect(crowd.isEmpty)
    }
}
