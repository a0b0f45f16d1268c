import FPPluginAPI
import PluginTestKit
import Testing

/// A session that random steps are made with, and what it must be after each of them.
struct RandomSession {
    private let kind: StoreKind
    private let place: any StorePlace
    private let key: String
    private var writer: TestWriter?
    private var bytes: [UInt8] = []
    /// How many of the bytes are sure to be kept.
    private var synced = 0
    private var tokens: [[UInt8]]
    private var isCommitted = false

    init(_ kind: StoreKind, _ place: any StorePlace, _ key: String) throws {
        self.kind = kind
        self.place = place
        self.key = key
        let writer = try place.store.begin(key, flags: FP_W_RESUMABLE)
        self.writer = writer
        tokens = [writer.token]
    }

    mutating func run(_ random: inout SeededGenerator) throws {
        for _ in 0..<60 where !isCommitted {
            try step(&random)
            #expect((try place.store.lookup(key) != nil) == isCommitted)
        }
        close()
        for token in tokens { #expect((try place.store.resume(token).writer == nil) == isCommitted) }
        guard isCommitted else { return }
        expectSame(try place.store.get(key), bytes)
        try place.expectNothingStaged()
    }

    private mutating func step(_ random: inout SeededGenerator) throws {
        guard let writer else { return try resume(&random) }
        switch Int.random(in: 0..<12, using: &random) {
        case 0..<5:
            let count = [0, 1, 7, 4096, 70_000].randomElement(using: &random) ?? 0
            let more = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            try writer.write(more)
            bytes += more
        case 5..<8:
            let flags = ([0, FP_SYNC_POWER, FP_SYNC_SUSPEND] as [UInt32]).randomElement(using: &random) ?? 0
            #expect(try writer.sync(flags) == UInt64(bytes.count))
            synced = bytes.count
            tokens.append(writer.token)
        case 8:
            expectFailure(FP_E_INVALID) { try writer.write([1], at: UInt64(bytes.count + 1)) }
            close()
        case 9, 10: close()
        default:
            try writer.commit(flags: Bool.random(using: &random) ? FP_SYNC_POWER : 0)
            isCommitted = true
        }
    }

    private mutating func close() {
        writer?.close()
        writer = nil
        if !isCommitted, !kind.has(.closingSyncs) { bytes.removeLast(bytes.count - synced) }
        synced = bytes.count
    }

    private mutating func resume(_ random: inout SeededGenerator) throws {
        let token = try #require(tokens.randomElement(using: &random))
        switch Int.random(in: 0..<4, using: &random) {
        case 0: expectFailure(FP_E_RANGE) { try place.store.resume(token, at: UInt64(bytes.count + 1)) }
        case 1:
            let offset =
                kind.has(.rewindsAnywhere)
                ? Int.random(in: 0...bytes.count, using: &random)
                : [0, bytes.count].randomElement(using: &random) ?? 0
            bytes.removeLast(bytes.count - offset)
            synced = offset
            writer = try place.store.resume(token, at: UInt64(offset)).writer
            #expect(writer?.offset == UInt64(offset))
        default:
            writer = try place.store.resume(token).writer
            #expect(writer?.offset == UInt64(bytes.count))
        }
    }
}
