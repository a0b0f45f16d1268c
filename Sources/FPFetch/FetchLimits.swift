/// What a fetch may cost at most. All values must be above zero, except `maxRedirects` and `waiting`.
public struct FetchLimits: Sendable {
    /// The largest file in bytes, checked against the announced length and against what really arrives; of a compressed
    /// one both as it is sent and unfolded.
    public var maxSize: UInt64 = 1 << 30

    /// From the call of `open` to the last byte: redirects, the wait for a free place and the time in which the
    /// consumer takes nothing are all in it.
    public var timeout: Duration = .seconds(60)

    /// Resolving the name, connecting and the TLS handshake of one hop.
    public var connectTimeout: Duration = .seconds(10)

    /// A transfer slower than this many bytes per second, for as long as `minimumSpeedOver`, is given up. Time in
    /// which the consumer holds it back does not count.
    public var minimumSpeed: Int = 1024

    /// How long a transfer may stay under `minimumSpeed`, in whole seconds.
    public var minimumSpeedOver: Duration = .seconds(20)

    /// How many redirects are followed.
    public var maxRedirects: Int = 5

    /// Transfers under way at the same time.
    public var concurrency: Int = 16

    /// Fetches that wait for one of those transfers to end; any more are refused as busy at once.
    public var waiting: Int = 256

    /// Bytes of one transfer that arrived and were not taken yet. When they are reached, nothing more is read
    /// from the remote server until half of them are gone.
    public var bufferedBytes: Int = 1 << 20

    /// The defaults.
    public init() {}
}

extension FetchLimits {
    /// What is out of range, if anything is.
    var problem: String? {
        if timeout <= .zero { return "the timeout of fetches must be longer than nothing" }
        if connectTimeout <= .zero { return "the connect timeout of fetches must be longer than nothing" }
        if minimumSpeed < 1 { return "the minimum speed of fetches must be at least 1 byte per second" }
        if minimumSpeedOver < .seconds(1) { return "the time under the minimum speed must be at least a second" }
        if maxRedirects < 0 { return "the number of redirects of a fetch cannot be negative" }
        if concurrency < 1 { return "the number of concurrent fetches must be at least 1" }
        if waiting < 0 { return "the number of waiting fetches cannot be negative" }
        if bufferedBytes < 1 { return "the bytes buffered per fetch must be at least 1" }
        return nil
    }
}
