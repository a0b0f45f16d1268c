import FPPluginAPI
import PluginTestKit
import Testing

/// The passwords of the tests' servers, which no message may tell.
package enum TestSecrets {
    package static let s3 = "testsecret123"
    package static let ssh = "s3cret word"
    static let all = [s3, ssh]
}

/// Expects `body` to fail with one of `statuses`, and returns the failure.
@discardableResult
package func expectFailure<Value>(
    _ statuses: fp_status..., location: SourceLocation = #_sourceLocation, _ body: () throws -> Value
) -> Failure? {
    do {
        let value = try body()
        Issue.record("succeeded with \(value) where status \(statuses) was due", sourceLocation: location)
    } catch let failure as Failure {
        #expect(statuses.contains(failure.status), "\(failure)", sourceLocation: location)
        #expect(!failure.message.isEmpty, "a failure without a message", sourceLocation: location)
        let isTold = TestSecrets.all.contains { failure.message.contains($0) }
        #expect(!isTold, "a secret in a message", sourceLocation: location)
        return failure
    } catch {
        Issue.record(error, sourceLocation: location)
    }
    return nil
}

/// Expects the check and the creation of a store to refuse its options in words that have `hint`.
package func expectRefusal(
    of options: [String: String], by library: PluginLibrary, _ hint: String,
    location: SourceLocation = #_sourceLocation
) {
    let checked = expectFailure(FP_E_CONFIG, location: location) { try TestStore.validate(library, options) }
    let created = expectFailure(FP_E_CONFIG, location: location) { try TestStore(library, options) }
    for message in [checked?.message, created?.message] {
        #expect(message?.contains(hint) == true, "\(message ?? "") for \(options)", sourceLocation: location)
    }
}

/// Expects the same bytes, without printing megabytes when they differ.
package func expectSame(_ left: [UInt8], _ right: [UInt8], _ location: SourceLocation = #_sourceLocation) {
    guard left != right else { return }
    let place = zip(left, right).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    Issue.record(
        "\(left.count) bytes instead of \(right.count), first different at \(place ?? min(left.count, right.count))",
        sourceLocation: location)
}
