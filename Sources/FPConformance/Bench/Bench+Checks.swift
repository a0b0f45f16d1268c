import FPContractDriver
import FPPluginAPI
import Glibc

extension Bench {
    /// - Throws: `Broken` unless the condition holds.
    func check(_ condition: Bool, _ message: @autoclosure () -> String, _ clause: Clause? = nil) throws {
        guard condition else { throw Broken(message(), clause) }
    }

    /// States that two sequences of bytes are the same, and where they are not.
    func check(_ found: [UInt8], is expected: [UInt8], _ what: String) throws {
        guard found.count == expected.count else {
            throw Broken("\(what) has \(found.count) bytes, where \(expected.count) were due")
        }
        if found.isEmpty || memcmp(found, expected, found.count) == 0 { return }
        let place = zip(found, expected).firstIndexWhereDifferent
        throw Broken("\(what) differs from what was written, first at byte \(place)")
    }

    /// States that an object is there, whole.
    func check(_ key: String, holds expected: [UInt8], in store: Store? = nil) throws {
        let store = try store ?? self.store
        try check(try store.get(key), is: expected, "the object")
        let size = try store.stat(key).size
        try check(size == UInt64(expected.count), "stat gives \(size) bytes, where \(expected.count) are due")
    }

    /// States that there is no object.
    func check(absent key: String, _ when: String, in store: Store? = nil) throws {
        let store = try store ?? self.store
        try check(try store.lookup(key) == nil, "stat finds the object \(when)")
        try refused(FP_E_NOT_FOUND, "read_open \(when)") { try store.open(key).close() }
    }

    /// States that a call fails, and with which status.
    @discardableResult
    func refused(
        _ expected: fp_status..., what: String, clause: Clause? = nil, _ body: () throws -> Void
    ) throws -> Failure {
        do {
            try body()
        } catch let failure as Failure {
            guard expected.contains(failure.status) else {
                throw Broken("\(failure) for \(what), where \(StatusName.of(expected)) was due", clause)
            }
            return failure
        }
        throw Broken("\(what) succeeded, where \(StatusName.of(expected)) was due", clause)
    }

    @discardableResult
    func refused(_ expected: fp_status, _ what: String, _ body: () throws -> Void) throws -> Failure {
        try refused(expected, what: what, body)
    }

    /// Resumes a session that must be open.
    func reopen(
        _ token: [UInt8], at offset: UInt64 = FP_SIZE_UNKNOWN, in store: Store? = nil
    ) throws -> Writer {
        switch try (store ?? self.store).resume(token, at: offset) {
        case .open(let writer): return writer
        case .committed: throw Broken("write_resume says COMMITTED of a session that never was committed")
        }
    }

    /// States that the session's commit is known.
    func check(committed token: [UInt8], in store: Store? = nil) throws {
        if case .open(let writer) = try (store ?? self.store).resume(token) {
            writer.close()
            throw Broken("write_resume says OPEN of a session whose commit has succeeded")
        }
    }

    /// States that the session is no more.
    func check(gone token: [UInt8], _ when: String, in store: Store? = nil) throws {
        try refused(FP_E_GONE, "write_resume \(when)") {
            if case .open(let writer) = try (store ?? self.store).resume(token) { writer.close() }
        }
    }
}

extension Zip2Sequence where Sequence1.Element == UInt8, Sequence2.Element == UInt8 {
    fileprivate var firstIndexWhereDifferent: Int {
        var place = 0
        for (one, other) in self {
            if one != other { return place }
            place += 1
        }
        return place
    }
}

/// The names of capability bits.
enum Capability {
    static func names(of bits: UInt64) -> String {
        let names = (0..<64).compactMap { bit in
            bits & (1 << UInt64(bit)) == 0 ? nil : table.indices.contains(bit) ? "FP_CAP_" + table[bit] : "bit \(bit)"
        }
        return names.joined(separator: ", ")
    }

    static let known = UInt64(1) << UInt64(table.count) - 1

    private static let table = [
        "RESUMABLE", "DURABLE_TAIL", "ATOMIC_REPLACE", "ATOMIC_CREATE", "POWER_DURABLE", "READ_AFTER_WRITE", "SHARED",
        "LIST", "LIST_ORDERED", "LIST_PENDING", "COPY", "MOVE", "MOVE_ATOMIC", "PRESIGN", "IF_MATCH", "CONTENT_TYPE",
        "METADATA", "SPACE", "FENCED", "REWIND",
    ]
}
