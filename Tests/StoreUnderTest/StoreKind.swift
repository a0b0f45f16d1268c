import FPPluginAPI
import PluginTestKit

/// A kind of store that the behaviours are tested on: a plugin with its options and its back-end.
///
/// A plugin joins with one of these and the few lines of its BehaviourTests, and has to pass everything in Behaviours/.
package struct StoreKind: Sendable {
    /// For failures.
    package let name: String
    package let traits: Traits
    /// The size in bytes at which the store begins to behave differently, such as that of a part.
    package let unit: Int
    /// How many of 100 rounds a test makes that repeats itself; fewer for a back-end that is slow.
    package let pace: Int
    private let names: [Setting: String]
    private let make: @Sendable ([String: String]) throws -> any StorePlace

    /// - Parameters:
    ///   - names: what the plugin calls the options that behaviours set.
    ///   - make: makes an empty place with options of the plugin, by default one that replaces nothing.
    package init(
        _ name: String, _ traits: Traits, unit: Int, pace: Int = 100, names: [Setting: String],
        make: @escaping @Sendable ([String: String]) throws -> any StorePlace
    ) {
        self.name = name
        self.traits = traits
        self.unit = unit
        self.pace = pace
        self.names = names
        self.make = make
    }

    /// What a behaviour may set.
    package enum Setting: Sendable {
        /// "true" where an object may be replaced.
        case replacing
        /// The directory of the store, for one with ``Traits/folders``.
        case location
        /// Modes of new files and directories in octal, for one with ``Traits/folders``.
        case fileMode, directoryMode
    }

    /// What a kind of store does beyond what the contract asks of every one.
    package struct Traits: OptionSet, Sendable {
        package let rawValue: Int
        package init(rawValue: Int) { self.rawValue = rawValue }

        /// Objects are files at the paths of their keys, below a directory that the tests can see.
        package static let folders = Traits(rawValue: 1)
        /// A reader goes on with its version when the object is replaced or removed.
        package static let readersKeepTheirVersion = Traits(rawValue: 1 << 1)
        /// No two versions share a tag, even if they have the same bytes.
        package static let tagsNameVersions = Traits(rawValue: 1 << 2)
        /// Closing a writer keeps all that it has written, synced or not.
        package static let closingSyncs = Traits(rawValue: 1 << 3)
        /// Every byte that a write took survives the process at once.
        package static let writesAreDurable = Traits(rawValue: 1 << 4)
        /// A session can be taken back to any byte.
        package static let rewindsAnywhere = Traits(rawValue: 1 << 5)
        /// Of sessions that commit to a free key at the same time one wins. All stores promise it; not all servers that
        /// the tests have keep it.
        package static let sessionsRace = Traits(rawValue: 1 << 6)
        /// What a killed process had asked for does not happen later.
        package static let endsWithItsProcess = Traits(rawValue: 1 << 7)
        /// A move to a key that must be free is one step.
        package static let movesAtomically = Traits(rawValue: 1 << 8)
        /// Lists are in byte order.
        package static let ordered = Traits(rawValue: 1 << 9)
    }

    package func has(_ trait: Traits) -> Bool { traits.isSuperset(of: trait) }

    /// So many rounds, or fewer on a slow back-end, and at least one.
    package func rounds(_ count: Int) -> Int { max(1, count * pace / 100) }

    /// A store in an empty place of its own.
    package func place(replacing: Bool = false, _ settings: [Setting: String] = [:]) throws -> any StorePlace {
        try make(options(settings.merging([.replacing: String(replacing)]) { given, _ in given }))
    }

    /// Settings as the plugin calls them.
    package func options(_ settings: [Setting: String]) -> [String: String] {
        var options: [String: String] = [:]
        for (setting, value) in settings {
            guard let name = names[setting] else { preconditionFailure("\(self.name) has no \(setting)") }
            options[name] = value
        }
        return options
    }
}

/// An empty place with a store of its own, removed with the last reference to it.
package protocol StorePlace {
    var store: TestStore { get }

    /// The directory that the objects are in, as the tests see it; empty where they are no files.
    var path: String { get }

    /// Another store in the same place, as another host would have it.
    /// - Parameter more: options of the plugin that differ.
    func another(_ more: [String: String]) throws -> TestStore

    /// The same store in another process.
    func process(_ more: [String: String]) throws -> StoreProcess

    /// Every path below ``path``, without what is the plugin's own.
    func tree() -> [String]

    /// What the plugin keeps of unfinished writes, by names of its own.
    func staged() throws -> [String]

    /// Clears away what a host and time do, sessions that no upload owns among them, and expects nothing to be left.
    func expectNoLitter() throws
}

extension StorePlace {
    package func another() throws -> TestStore { try another([:]) }
    package func process() throws -> StoreProcess { try process([:]) }

    package func expectNoLitter() throws {
        for entry in try store.all(pending: true) { try store.discard(entry.token) }
        try expectNothingStaged()
    }

    /// Expects all writes to be finished and their traces to be gone, soon.
    package func expectNothingStaged() throws {
        try waitUntil("nothing is left of writes") { try store.all(pending: true).isEmpty && staged().isEmpty }
    }
}
