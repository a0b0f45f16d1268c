import FPCurl
import FPFormats
import FPThreads

/// How a key set comes from a server.
package struct KeyDownload: Sendable {
    /// Begins to get it, and says once what came of it: the text, or the end of a sentence that begins with the URL. Must
    /// neither block nor call back at once.
    package let begin: @Sendable (_ done: @escaping @Sendable (Result<[UInt8], Complaint>) -> Void) -> Void

    /// A download by that closure.
    package init(begin: @escaping @Sendable (_ done: @escaping @Sendable (Result<[UInt8], Complaint>) -> Void) -> Void)
    {
        self.begin = begin
    }
}

extension KeyDownload {
    /// Gets a URL by libcurl, on a thread that ends with it: at most 256 KiB, in 5 s at most. No redirects are followed.
    package static func from(_ url: String, userAgent: String) -> KeyDownload {
        KeyDownload { done in
            let isStarted = DetachedThread.start { done(get(url, userAgent)) }
            if !isStarted { done(.failure(Complaint("cannot be asked: the system gives no thread"))) }
        }
    }

    private static func get(_ url: String, _ userAgent: String) -> Result<[UInt8], Complaint> {
        var options = EasyOptions(url: url)
        options.allowsUserInURL = false
        options.fields = ["Accept: application/jwk-set+json, application/json"]
        options.userAgent = userAgent
        options.version = .http1
        options.reusesConnections = false
        options.timeout = .seconds(5)
        options.connectTimeout = .seconds(3)
        options.certificateAuthorities = LibCurl.certificateAuthorities
        let reply = Reply()
        do throws(CurlFailure) {
            try options.perform(reply)
        } catch {
            return .failure(Complaint(reply.refusal ?? "cannot be reached: \(error.text)"))
        }
        return .success(reply.body)
    }

    /// Takes a small answer.
    private final class Reply: EasyDelegate {
        private(set) var body: [UInt8] = []
        private(set) var refusal: String?

        func receive(head: ResponseHead) -> Bool {
            if head.status != 200 { refusal = "answers with status \(head.status)" }
            return refusal == nil
        }

        func receive(body bytes: UnsafeRawBufferPointer) -> Intake {
            guard body.count + bytes.count <= KeyText.longest else {
                refusal = "sends more than \(Quantity.size.text(Int64(KeyText.longest)))"
                return .unwanted
            }
            body.append(contentsOf: bytes)
            return .taken
        }
    }
}
