import FPCurl
import FPFormats

/// One question to the application, on the driver's thread.
final class Inquiry: DrivenTransfer {
    typealias Outcome = Result<Answer, NoAnswer>

    private let question: Question
    private let settings: ForwardSettings
    private let userAgent: String
    private let deadline: ContinuousClock.Instant
    private var whenAnswered: ((Outcome) -> Void)?
    private var drained = 0

    /// What is read of a body that nobody wants, so that the connection can be used again.
    private static let mostDrained = 64 * 1024

    /// - Parameter whenAnswered: is called once.
    init(
        _ question: Question, _ settings: ForwardSettings, userAgent: String, deadline: ContinuousClock.Instant,
        _ whenAnswered: @escaping (Outcome) -> Void
    ) {
        self.question = question
        self.settings = settings
        self.userAgent = userAgent
        self.deadline = deadline
        self.whenAnswered = whenAnswered
    }

    func begin() -> EasyOptions? {
        let remaining = ContinuousClock.now.duration(to: deadline)
        guard remaining > .zero else {
            answer(.failure(NoAnswer("it did not answer other questions in time")))
            return nil
        }
        var options = EasyOptions(url: settings.url)
        options.allowsUserInURL = false
        options.fields = question.lines
        options.userAgent = userAgent
        options.version = .http1
        options.idleConnectionLife = .seconds(30)
        options.certificateAuthorities = LibCurl.certificateAuthorities
        options.timeout = remaining
        options.connectTimeout = remaining
        return options
    }

    func receive(head: ResponseHead) -> Bool {
        do throws(NoAnswer) {
            answer(.success(try Answer(head, settings)))
        } catch {
            answer(.failure(error))
        }
        return true
    }

    func receive(body: UnsafeRawBufferPointer) -> Intake {
        drained += body.count
        return drained <= Self.mostDrained ? .taken : .unwanted
    }

    func end(_ failure: CurlFailure?) -> EasyOptions? {
        // Once there was a head, what becomes of the body does not matter.
        answer(.failure(NoAnswer(Self.text(failure))))
        return nil
    }

    private func answer(_ outcome: Outcome) {
        whenAnswered.take()?(outcome)
    }

    private static func text(_ failure: CurlFailure?) -> String {
        switch failure?.reason {
        case .timedOut: "it did not answer in time"
        case .noPlace: "it did not answer other questions in time"
        case .unsupportedProtocol, .weirdReply, .outOfMemory: "it does not answer in HTTP: \(failure?.text ?? "")"
        default: failure?.text ?? "there is no answer"
        }
    }
}
