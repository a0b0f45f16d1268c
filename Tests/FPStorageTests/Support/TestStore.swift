import FPStorage
import Logging
import NIOCore
import Support
import Synchronization
import Testing

/// A store on the Memory plugin, with the means to make it misbehave.
struct TestStore {
    let store: Store
    let control: PluginControl
    let log: LogRecorder

    static let host = PluginHostInfo(version: "0.0.1")

    static func library(_ name: String = "Memory") async throws -> PluginLibrary {
        let path = try await TestPlugins.compile("memory", name: name)
        return try PluginLibrary.load(path: path, expectedName: name, host: host, logger: LogRecorder().logger)
    }

    /// - Parameter options: beyond `control`.
    init(
        _ name: String = "test", library: PluginLibrary? = nil, settings: StoreSettings = StoreSettings(),
        options: [PluginConfigNode] = [], control: PluginControl = PluginControl()
    ) async throws {
        self.control = control
        log = LogRecorder()
        let plugin: PluginLibrary
        if let library { plugin = library } else { plugin = try await Self.library() }
        let config = PluginConfigNode.map([.integer(Int64(control.address), key: "control")] + options)
        store = try Store.open(
            name: name, library: plugin, config: config, settings: settings, logger: log.logger)
    }
}

/// Waits until something is so, for as long as a busy machine may take.
func eventually(
    within limit: Duration = .seconds(20), sourceLocation: SourceLocation = #_sourceLocation, _ condition: () -> Bool,
    orMeanwhile action: () async -> Void = {}
) async throws {
    let end = ContinuousClock.now + limit
    while !condition() {
        await action()
        try #require(ContinuousClock.now < end, "it did not become so within \(limit)", sourceLocation: sourceLocation)
        try await Task.sleep(for: .milliseconds(2))
    }
}

/// Runs a call that is to fail, and gives its error.
func failure<Value>(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Value
) async throws -> StoreError {
    do {
        let value = try await body()
        Issue.record("it succeeded with \(value)", sourceLocation: sourceLocation)
    } catch let error as StoreError {
        return error
    }
    throw TestPlugins.Failure(description: "no error")
}

func bytes(_ count: Int, seed: UInt8 = 1) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.reserveCapacity(count)
    buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { room in
        var state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        for index in 0..<count {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            room[index] = UInt8(truncatingIfNeeded: state >> 33)
        }
        return count
    }
    return buffer
}

extension StoreReader {
    /// All that is left, in one buffer.
    func rest() async throws(StoreError) -> ByteBuffer {
        var all = ByteBuffer()
        while var part = try await next() { all.writeBuffer(&part) }
        return all
    }
}

/// Values in the order in which they were noted, from any task.
final class Notes<Value: Sendable>: Sendable {
    private let kept = Mutex<[Value]>([])

    var values: [Value] { kept.withLock { $0 } }

    func add(_ value: Value) {
        kept.withLock { $0.append(value) }
    }
}
