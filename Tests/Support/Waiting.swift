/// Asks again and again until there is an answer, without ever sleeping longer than a moment.
/// - Throws: when the time is over, naming what was waited for.
@discardableResult
public func waitFor<Value>(
    _ what: String, within limit: Duration, isolation: isolated (any Actor)? = #isolation,
    _ answer: () async throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now.advanced(by: limit)
    while true {
        if let value = try await answer() { return value }
        guard ContinuousClock.now < deadline else { throw WaitFailure(description: "waited \(limit) for \(what)") }
        try await Task.sleep(for: .milliseconds(2))
    }
}

/// The time was over.
public struct WaitFailure: Error, CustomStringConvertible {
    /// What was waited for.
    public let description: String
}
