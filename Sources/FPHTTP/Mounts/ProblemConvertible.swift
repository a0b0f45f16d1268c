/// An error that says which HTTP problem it is.
public protocol ProblemConvertible: Error {
    /// The problem that a client is told of.
    var problem: Problem { get }
}

extension Problem: ProblemConvertible {
    /// The problem itself.
    public var problem: Problem { self }
}

extension BodyError: ProblemConvertible {
    /// The problem for a body that ended early.
    public var problem: Problem { Problem(self) }
}

extension Problem {
    /// The HTTP problem for any error. What an unexpected one says goes to the operator only.
    public init(any error: any Error) {
        self = (error as? any ProblemConvertible)?.problem ?? .unforeseen(error)
    }
}
