/// One promise of the contract, and how it is put to the test.
package struct Case: Sendable {
    /// Stable and dotted, as `resume.kill-after-commit`: scripts and overrides files name it.
    package let id: String
    /// What must hold, as one line.
    package let promise: String
    /// Where the contract says so.
    package let clause: Clause
    /// What the plugin must offer for the case to mean anything.
    let needs: [Need]
    let run: @Sendable (Bench) throws -> Void

    init(
        _ id: String, _ promise: String, _ clause: Clause, needs: [Need] = [],
        _ run: @escaping @Sendable (Bench) throws -> Void
    ) {
        self.id = id
        self.promise = promise
        self.clause = clause
        self.needs = needs
        self.run = run
    }
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

/// What a case takes for granted.
enum Need: Sendable {
    /// Capability bits, all of them.
    case caps(UInt64)
    /// Calls may run side by side on one instance.
    case parallel
    /// The extension `fp.transfer/1`.
    case transfer
    /// Options that lead the plugin to a back-end that is not there.
    case unreachable
    /// Options that lead the plugin to a peer that accepts connections and never answers.
    case stalled
}

/// A promise that was broken.
struct Broken: Error {
    let clause: Clause?
    let message: String

    init(_ message: String, _ clause: Clause? = nil) {
        self.message = message
        self.clause = clause
    }
}

/// The case cannot say anything about this plugin.
struct Inapplicable: Error {
    let reason: String
}
