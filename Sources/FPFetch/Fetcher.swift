import FPCurl
import Glibc
import Logging

/// Fetches files from URLs that clients name, without letting them reach what only this host can reach.
///
/// - One GET request per hop, never a HEAD before it. Redirects are followed by hand: each hop passes the checks that
///   the first URL passes, and none leads from https to http.
/// - Every address is checked when the socket to it is made: only what ``FetchRules`` let through can be connected to,
///   whatever a name resolved to before.
/// - No proxies, cookies or credentials from the environment, no HTTP/0.9.
/// - Compression is not asked for; where a server uses it all the same, gzip and deflate are undone.
/// - One thread moves all transfers. The body is handed out with back pressure.
///
/// Dropping a fetcher shuts it down; keep it for as long as bodies are being read.
public final class Fetcher: Sendable {
    private let driver: Driver
    private let settings: FetchSettings

    /// Why no fetcher could be made.
    public struct SetupError: Error, Sendable, CustomStringConvertible {
        /// What is wrong, and what to do.
        public let description: String
    }

    /// Starts a fetcher and its thread.
    ///
    /// - Parameters:
    ///   - limits: What a fetch may cost.
    ///   - rules: Which URLs may be fetched.
    ///   - certificateAuthorities: A PEM file of the authorities to trust in place of the system's.
    ///   - version: The host's version, for the User-Agent.
    ///   - logger: Hears about completed fetches (debug) and trouble with libcurl (error). Errors of single fetches
    ///     are for the caller to log.
    /// - Throws: `SetupError` if a limit is out of range, the PEM file cannot be read or the system is out of
    ///   memory or threads.
    public init(
        limits: FetchLimits = FetchLimits(),
        rules: FetchRules = FetchRules(),
        certificateAuthorities: String? = nil,
        version: String,
        logger: Logger
    ) throws(SetupError) {
        if let problem = limits.problem { throw SetupError(description: problem) }
        if let file = certificateAuthorities, access(file, R_OK) != 0 {
            throw SetupError(description: "\(file) with the certificate authorities for fetches cannot be read")
        }
        settings = FetchSettings(
            limits: limits,
            addressGuard: AddressGuard(rules),
            certificateAuthorities: certificateAuthorities ?? LibCurl.certificateAuthorities,
            userAgent: "fphost/\(version)",
            logger: logger
        )
        var places = Driver.Limits()
        places.concurrency = limits.concurrency
        places.waiting = limits.waiting
        do throws(CurlFailure) {
            driver = try Driver(places) { logger.error("remote fetches failed: \($0.text)") }
        } catch {
            throw SetupError(
                description: error.reason == .noThread
                    ? "the system gives no thread for fetches" : "libcurl cannot be initialized: \(error.text)")
        }
    }

    deinit {
        driver.stop()
    }

    /// Requests a file and waits for the head of the response, after all redirects, and the first bytes of the file: what
    /// goes wrong until then is thrown here.
    ///
    /// Cancelling the task, or dropping the response's body, ends the transfer.
    ///
    /// - Throws: `FetchError`; its `reason` is for the client, its `detail` for the log.
    public func open(_ url: String) async throws(FetchError) -> FetchResponse {
        let target: RemoteURL
        do {
            target = try RemoteURL(url)
        } catch {
            throw FetchError(.invalidURL, detail: "the URL asked for is not usable: \(error.problem)")
        }
        if let refusal = settings.addressGuard.refusal(of: target) {
            throw FetchError(.notAllowed, detail: "\(target.withoutQuery): \(refusal)")
        }
        // A quick server could answer before anybody looks whether the answer is still wanted.
        guard !Task.isCancelled else { throw FetchError(.cancelled, detail: "the consumer went away before") }
        let exchange = Exchange(driver, capacity: settings.limits.bufferedBytes)
        let deadline = ContinuousClock.now + settings.limits.timeout
        let isStarted = driver.start(exchange, before: deadline) { [settings] in
            Transfer(exchange, target, deadline: deadline, settings)
        }
        guard isStarted else {
            throw FetchError(.shutDown, detail: "the fetcher was shut down")
        }
        return FetchResponse(try await exchange.head().get(), body: FetchBody(exchange))
    }

    /// Ends all transfers with `.shutDown`, and returns when the thread holds none of them any more. Fetches opened
    /// later fail in the same way.
    public func shutdown() async {
        await withCheckedContinuation { continuation in driver.stop { continuation.resume() } }
    }
}

/// What all fetches of a fetcher share.
struct FetchSettings: Sendable {
    let limits: FetchLimits
    let addressGuard: AddressGuard
    let certificateAuthorities: String?
    let userAgent: String
    let logger: Logger
}
