import FPCatalog
import FPCurl
import FPFetch
import FPFormats
import Glibc

/// What came of sending an event.
enum Reply: Sendable {
    case answered(status: Int, retryAfter: Duration?)
    /// The end of a sentence that begins with the receiver.
    case unanswered(String)
    /// The host stops; nobody knows.
    case stopped
}

/// One delivery of an event, on the driver's thread. Redirects are not followed: a signed event goes to the URL that the
/// operator wrote, or nowhere.
final class Attempt: DrivenTransfer {
    /// What is sent.
    struct Message: Sendable {
        let url: RemoteURL
        let fields: [String]
        let body: String
        let userAgent: String
        let deadline: ContinuousClock.Instant
    }

    private let message: Message
    private let addressGuard: AddressGuard
    private let now: Timestamp
    private var whenReplied: ((Reply) -> Void)?
    private var refusal: String?
    private var drained = 0

    /// What is read of a body that nobody wants, so that the connection can be used again.
    private static let mostDrained = 64 * 1024

    /// - Parameters:
    ///   - now: what a date in `Retry-After` is compared with.
    ///   - whenReplied: is called once.
    init(_ message: Message, _ addressGuard: AddressGuard, now: Timestamp, _ whenReplied: @escaping (Reply) -> Void) {
        self.message = message
        self.addressGuard = addressGuard
        self.now = now
        self.whenReplied = whenReplied
    }

    func begin() -> EasyOptions? {
        let remaining = ContinuousClock.now.duration(to: message.deadline)
        guard remaining > .zero else {
            reply(.unanswered("did not answer in time"))
            return nil
        }
        var options = EasyOptions(url: message.url.description)
        options.method = "POST"
        options.body = .bytes(Array(message.body.utf8))
        options.allowsUserInURL = false
        options.fields = message.fields
        options.userAgent = message.userAgent
        options.version = .http1
        options.idleConnectionLife = .seconds(30)
        options.certificateAuthorities = LibCurl.certificateAuthorities
        options.timeout = remaining
        options.connectTimeout = remaining
        return options
    }

    func mayConnect(to address: UnsafePointer<sockaddr>) -> Bool {
        guard let address = IPAddress(address) else { return false }
        refusal = addressGuard.refusal(of: address, for: message.url)
        return refusal == nil
    }

    func receive(head: ResponseHead) -> Bool {
        let wish = head.values(of: "retry-after").first.flatMap { value -> Duration? in
            let text = String(decoding: value, as: UTF8.self)
            if let seconds = Int64(text), seconds >= 0 { return .seconds(min(seconds, 1_000_000)) }
            let seconds = now.milliseconds / 1000
            return HTTPDate.parse(text, now: seconds).map { .seconds($0 - seconds) }
        }
        reply(.answered(status: head.status, retryAfter: wish))
        return true
    }

    func receive(body: UnsafeRawBufferPointer) -> Intake {
        drained += body.count
        return drained <= Self.mostDrained ? .taken : .unwanted
    }

    func end(_ failure: CurlFailure?) -> EasyOptions? {
        // Once there was a head, what becomes of the body does not matter.
        switch failure?.reason {
        case .stopped, .aborted: reply(.stopped)
        case .timedOut: reply(.unanswered("did not answer in time"))
        case .notConnected where refusal != nil:
            reply(.unanswered("is not sent to: \(refusal ?? ""); if it is meant, add it to events.allow"))
        default: reply(.unanswered("gave no answer: \(failure?.text ?? "it broke off")"))
        }
        return nil
    }

    private func reply(_ reply: Reply) { whenReplied.take()?(reply) }
}
