import PluginTestKit
import Testing

/// One promise of stores, and how it is tested on a kind of them.
package struct Behaviour: Sendable {
    let promise: String
    let needs: StoreKind.Traits
    let test: @Sendable (StoreKind) throws -> Void

    /// - Parameter needs: what a store must have for the promise to be its own.
    init(
        _ promise: String, needs: StoreKind.Traits = [], _ test: @escaping @Sendable (StoreKind) throws -> Void
    ) {
        self.promise = promise
        self.needs = needs
        self.test = test
    }
}

/// A behaviour on a kind of store: one test, which its failures and reports name by both.
package struct StoreTest: Sendable, CustomTestStringConvertible {
    let behaviour: Behaviour
    let kind: StoreKind

    package var testDescription: String { "\(kind.name): \(behaviour.promise)" }

    package func callAsFunction() throws { try behaviour.test(kind) }
}

extension [Behaviour] {
    /// The tests of these behaviours, on each of those kinds that makes the promise.
    package func on(_ kinds: [StoreKind]) -> [StoreTest] {
        kinds.flatMap { kind in filter { kind.has($0.needs) }.map { StoreTest(behaviour: $0, kind: kind) } }
    }
}
