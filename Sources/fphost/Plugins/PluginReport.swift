import FPStorage

/// All that can be known of a plugin, as `plugin probe` tells it.
struct PluginReport: Codable {
    /// A line of the plugin's own about itself.
    struct Fact: Codable {
        var key: String
        var value: String
    }

    /// What a store with the options given can do.
    struct StoreReport: Codable {
        var capabilities: [String]
        var threading: String
        var maxConcurrency: Int
        var maxKeyBytes: Int
        var listPageMax: Int?
        var tokenLifeSeconds: Int64?
        var maxObjectSize: UInt64?
        var readSize: Int
        var writeSize: Int
        var durableUnit: UInt64
        var rewindUnit: UInt64
        var writerMemory: UInt64
        var readerMemory: UInt64
    }

    var path: String
    var name: String
    var version: String
    var vendor: String
    var license: String
    var url: String
    var summary: String
    var abi: String
    var tableBytes: UInt32
    var threading: String
    /// The optional slots that are there.
    var slots: [String]
    /// Those that are not.
    var absentSlots: [String]
    var extensions: [String]
    var facts: [Fact]
    var options: [Option]
    /// From finding the file to a plugin that is ready for stores.
    var loadMilliseconds: Double
    var store: StoreReport?

    /// What its stores may be able to do, as far as slots tell, in an operator's words.
    var abilities: [String] {
        let words = [
            ("write_resume", "resumable writes"), ("list", "lists"), ("list_pending", "lists of unfinished writes"),
            ("copy", "copies and moves"), ("presign", "direct URLs"),
        ]
        let more = [("fp.transfer/1", "transfers between its stores"), ("fp.read_fd/1", "files to send from")]
        return words.filter { slots.contains($0.0) }.map(\.1) + more.filter { extensions.contains($0.0) }.map(\.1)
    }
}

extension PluginReport {
    /// Describes a loaded plugin.
    init(_ library: PluginLibrary, loadedIn time: Duration) {
        let slots = library.optionalSlots
        self.init(
            path: library.path, name: library.name, version: library.version, vendor: library.vendor,
            license: library.license, url: library.url, summary: library.summary,
            abi: "\(library.abiMajor).\(library.abiMinor)", tableBytes: library.structSize,
            threading: library.threadingMax.word, slots: slots.filter(\.present).map(\.name),
            absentSlots: slots.filter { !$0.present }.map(\.name), extensions: library.extensionIDs,
            facts: library.dump().map { Fact(key: $0, value: $1) }, options: library.options.map(Option.init),
            loadMilliseconds: time.milliseconds)
    }
}

extension PluginReport.StoreReport {
    init(_ store: Store) {
        let limits = store.limits
        self.init(
            capabilities: store.capabilities.names, threading: limits.threading.word,
            maxConcurrency: limits.maxConcurrency, maxKeyBytes: limits.maxKeyBytes, listPageMax: limits.listPageMax,
            tokenLifeSeconds: limits.tokenTTL?.components.seconds, maxObjectSize: limits.maxObjectSize,
            readSize: limits.readSize, writeSize: limits.writeSize, durableUnit: limits.durableUnit,
            rewindUnit: limits.rewindUnit, writerMemory: limits.writerMemory, readerMemory: limits.readerMemory)
    }
}

extension StoreThreading {
    /// What the contract calls it, without its prefix.
    fileprivate var word: String {
        switch self {
        case .serialLibrary: "serial_library"
        case .serialInstance: "serial_instance"
        case .parallel: "parallel"
        }
    }
}

extension Duration {
    /// The time in milliseconds, to the microsecond.
    var milliseconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds * 1_000_000 + attoseconds / 1_000_000_000_000) / 1000
    }
}
