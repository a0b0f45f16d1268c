import FPContractDriver
import Glibc

// The driver's types, under the names that tests have for them.
package typealias CallOptions = Invocation
package typealias Cancellation = FPContractDriver.Cancellation
package typealias Failure = FPContractDriver.Failure
package typealias Pattern = FPContractDriver.Pattern
package typealias SeededGenerator = FPContractDriver.SeededGenerator

extension Invocation {
    /// Whether the call is cancelled before it begins.
    package var isCancelled: Bool {
        get { cancellation === Cancellation.past }
        set { cancellation = newValue ? .past : nil }
    }
}

extension Cancellation {
    fileprivate static let past: Cancellation = {
        let cancellation = Cancellation()
        cancellation.cancel()
        return cancellation
    }()
}

/// The failure that `body` ends with; nil if it succeeds. Anything else that it throws ends the process, so it is for
/// threads that have nobody to throw to.
package func failure(of body: () throws -> Void) -> Failure? {
    do {
        try body()
        return nil
    } catch let failure as Failure {
        return failure
    } catch {
        fatalError("\(error)")
    }
}

extension SeededGenerator {
    /// The seed comes from `FP_TEST_SEED`, or else it is random; it is printed with the name of the test.
    package init(_ test: String) {
        let given = getenv("FP_TEST_SEED").flatMap { UInt64(String(cString: $0)) }
        self.init(seed: given ?? UInt64.random(in: 1...UInt64(UInt32.max)))
        print("\(test): FP_TEST_SEED=\(seed)")
    }
}
