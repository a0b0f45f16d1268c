import FPPluginAPI
import PluginTestKit
import Testing

@Suite("LocalStore: sessions at random")
struct RandomSessionTests {
    /// What a session must be, step by step.
    private struct Model {
        var bytes: [UInt8] = []
        var tokens: [[UInt8]] = []
        var isCommitted = false
    }

    @Test("Any sequence of writes, syncs, closes, resumes, rewinds and commits does what the contract says")
    func randomSequences() throws {
        var random = SeededGenerator("randomSequences")
        for round in 0..<60 {
            let fixture = try Fixture(["path_resolution": round % 2 == 0 ? "auto" : "walk"])
            try run(fixture, "d\(round % 3)/k", &random)
        }
    }

    private func run(_ fixture: Fixture, _ key: String, _ random: inout SeededGenerator) throws {
        var model = Model()
        var writer: TestWriter? = try fixture.store.begin(key, flags: FP_W_RESUMABLE)
        if let token = writer?.token { model.tokens.append(token) }
        for _ in 0..<60 where !model.isCommitted {
            guard let open = writer else {
                writer = try resume(fixture, &model, &random)
                continue
            }
            switch Int.random(in: 0..<12, using: &random) {
            case 0..<5:
                let count = [0, 1, 7, 4096, 70_000].randomElement(using: &random) ?? 0
                let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
                try open.write(bytes)
                model.bytes += bytes
            case 5..<8:
                #expect(
                    try open.sync([0, FP_SYNC_POWER, FP_SYNC_SUSPEND][Int.random(in: 0..<3, using: &random)])
                        == UInt64(model.bytes.count))
                model.tokens.append(open.token)
            case 8:
                expectFailure(FP_E_INVALID) { try open.write([1], at: UInt64(model.bytes.count + 1)) }
                open.close()
                writer = nil
            case 9, 10:
                open.close()
                writer = nil
            default:
                try open.commit(flags: Bool.random(using: &random) ? FP_SYNC_POWER : 0)
                model.isCommitted = true
            }
            #expect((try fixture.store.lookup(key) != nil) == model.isCommitted)
        }
        writer?.close()
        for token in model.tokens {
            let resumed = try fixture.store.resume(token)
            #expect((resumed.writer == nil) == model.isCommitted)
        }
        guard model.isCommitted else { return }
        #expect(try fixture.store.get(key) == model.bytes)
        #expect(try fixture.store.all(pending: true) == [])
    }

    private func resume(
        _ fixture: Fixture, _ model: inout Model, _ random: inout SeededGenerator
    ) throws -> TestWriter? {
        let token = try #require(model.tokens.randomElement(using: &random))
        let length = UInt64(model.bytes.count)
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            expectFailure(FP_E_RANGE) { try fixture.store.resume(token, at: length + 1) }
            return nil
        case 1:
            let offset = UInt64.random(in: 0...length, using: &random)
            model.bytes.removeLast(Int(length - offset))
            let writer = try fixture.store.resume(token, at: offset).writer
            #expect(writer?.offset == offset)
            return writer
        default:
            let writer = try fixture.store.resume(token).writer
            #expect(writer?.offset == length)
            return writer
        }
    }
}
