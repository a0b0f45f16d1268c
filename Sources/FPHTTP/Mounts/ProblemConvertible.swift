/// An error that knows what it is in HTTP.
public protocol ProblemConvertible: Error {
    /// The problem that a client is told of.
    var problem: Problem { get }
}

extension Problem: ProblemConvertible {
    public var problem: Problem { self }
}

extension BodyError: ProblemConvertible {
    public var problem: Problem { Problem(self) }
}

extension Problem {
    /// What any error is in HTTP. One that nobody foresaw is told to the operator only.
    public init(any error: any Error) {
        self = (error as? any ProblemConvertible)?.problem ?? .unforeseen(error)
    }
}
