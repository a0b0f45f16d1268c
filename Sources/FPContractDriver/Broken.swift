/// A promise of the contract that the plugin broke, whatever it returned.
package struct Broken: Error, CustomStringConvertible {
    /// What the plugin did, as a clause that can follow "the plugin: ".
    package let message: String
    /// Where the contract has the promise; nil for the one that the caller was testing anyway.
    package let clause: Clause?

    package init(_ message: String, _ clause: Clause? = nil) {
        self.message = message
        self.clause = clause
    }

    package var description: String { clause.map { "\(message) (\($0))" } ?? message }
}

/// A place in fp_plugin.h.
package enum Clause: Sendable, CustomStringConvertible {
    /// One of the rules R1 to R8 at its top.
    case rule(Int)
    /// The comment above a slot of `fp_plugin`, or above another declaration.
    case slot(String)

    package var description: String {
        switch self {
        case .rule(let number): "R\(number) \(Self.titles[number] ?? "")"
        case .slot(let name): name
        }
    }

    private static let titles = [
        1: "GROWTH", 2: "MEMORY", 3: "THREADS", 4: "BLOCKING", 5: "ERRORS", 6: "KEYS", 7: "ATOMIC", 8: "GUEST",
    ]
}
