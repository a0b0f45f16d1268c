import FPContractDriver

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

/// What a case takes for granted.
enum Need: Sendable {
    /// Capability bits, all of them.
    case caps(UInt64)
    /// Calls may run side by side on one instance.
    case parallel
    /// The extension `fp.transfer/1`.
    case transfer
    /// The extension `fp.read_fd/1`.
    case readFD
    /// Options that lead the plugin to a back-end that is not there.
    case unreachable
    /// Options that lead the plugin to a peer that accepts connections and never answers.
    case stalled
}

/// The case cannot say anything about this plugin.
struct Inapplicable: Error {
    let reason: String
}
