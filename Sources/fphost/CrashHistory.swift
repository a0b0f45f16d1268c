import FPCatalog
import FPConfig
import FPStorage
import Foundation
import Glibc
import Logging
import Synchronization

/// What plugins have done to the hosts before this one, by what these left beside the catalog: `.calls`, the journal of a
/// host that serves, `.start`, that of one which did not get so far, and `.crashes`, what they came to.
///
/// A plugin that crashes in a call is called again by the next host, which crashes again. After the second time in a row
/// its store is held DOWN; the others serve.
final class CrashHistory: Sendable {
    /// How a store's plugin ended hosts.
    private struct Entry: Codable, Equatable {
        /// The plugin's file, as it was then.
        var plugin: String
        var size: Int64
        var changed: Int64
        /// What it did last, as a sentence.
        var deed: String
        /// How many times in a row.
        var count: Int
    }

    /// How many crashes in a row hold a store down.
    private static let limit = 2
    /// After this time a crash is not one of the start, and begins a new row.
    private static let longRun = Duration.seconds(180)

    /// The path of the catalog's file, to which the names of the journals' files are suffixes.
    private let base: String
    private let isUsable: Bool
    private let entries: Mutex<[String: Entry]>

    /// Looks at what the last host left, says what it died in, and counts it.
    /// - Parameter catalog: the catalog's URL; with one that is no file there is no history.
    init?(catalog: String, logger: Logger) {
        guard let place = Catalogs.file(of: catalog) else { return nil }
        base = place
        // While another host runs with this catalog, the files are its own. Opening the catalog will report that.
        isUsable = Catalogs.user(of: catalog) == nil
        let file = FileManager.default.contents(atPath: base + ".crashes") ?? Data()
        var known = (try? JSONDecoder().decode([String: Entry].self, from: file)) ?? [:]
        let before = known
        if isUsable {
            for path in [base + ".start", base + ".calls"] {
                if let end = CallJournal.read(path) { Self.add(end, to: &known, logger: logger) }
                unlink(path)
            }
        }
        known = known.filter { Self.status(of: $0.value.plugin) ?? (-1, -1) == ($0.value.size, $0.value.changed) }
        entries = Mutex(known)
        if known != before { save(known) }
    }

    /// Why the plugin of a store must not be called, if it must not.
    func reason(toHold store: String) -> String? {
        guard let entry = entries.withLock({ $0[store] }), entry.count >= Self.limit else { return nil }
        return "\(entry.deed), \(entry.count) times in a row, so the plugin is not called. Replace it, or remove "
            + "\(base).crashes, and restart fphost"
    }

    /// Keeps a journal of this host from here on, which has the catalog.
    func beginJournal(logger: Logger) {
        if !CallJournal.keep(at: base + ".calls") {
            logger.warning(
                "no journal of plugin calls can be kept in \(base).calls, so a crash in a plugin will not be counted")
        }
    }

    /// Where a crash before ``beginJournal(logger:)`` is noted.
    func expectCrash() {
        if isUsable { CallJournal.leaveAtCrash(base + ".start") }
    }

    /// Forgets everything once this host has run for ``longRun``: a later crash would begin a new row.
    func forgetAfterLongRun() async {
        try? await Task.sleep(for: Self.longRun)
        if !Task.isCancelled { save([:]) }
    }

    /// Ends an orderly run: forgets the crashes of plugins whose stores are not held down.
    func end() {
        save(entries.withLock { $0.filter { $0.value.count >= Self.limit } })
        CallJournal.forget(at: base + ".calls")
    }

    private func save(_ wanted: [String: Entry]) {
        let path = base + ".crashes"
        entries.withLock { entries in
            entries = wanted
            if wanted.isEmpty {
                unlink(path)
            } else if let data = try? JSONEncoder().encode(wanted) {
                // If it cannot be written, the store is held one crash later.
                try? data.write(to: URL(fileURLWithPath: path), options: .atomic)
            }
        }
    }

    private static func add(_ end: CallJournal.End, to entries: inout [String: Entry], logger: Logger) {
        let shown = end.underWay.prefix(8).map { "\($0.operation) for store \"\($0.store)\" (\($0.plugin))" }
        let underWay = shown.isEmpty ? "" : "; under way were " + shown.joined(separator: ", ")
        let how: String
        switch end.cause {
        case .unknown:
            // SIGKILL or a loss of power: nothing points to a plugin.
            if !shown.isEmpty {
                logger.warning("the last run of fphost ended without a word\(underWay)")
            }
            return
        case .signal(let number): how = "crashed with signal \(number) (\(String(cString: strsignal(number))))"
        case .exit: how = "ended the process"
        }
        guard let culprit = end.culprit else {
            logger.error("the last run of fphost \(how), in no call of a plugin\(underWay)")
            return
        }
        let deed = "the plugin \(culprit.plugin) \(how) in its call \(culprit.operation)"
        logger.error("the last run of fphost died: \(deed) for store \"\(culprit.store)\"")
        guard let (size, changed) = status(of: culprit.plugin) else { return }
        let old = entries[culprit.store]
        let isRow = old?.plugin == culprit.plugin && (end.age ?? .zero) < longRun
        entries[culprit.store] = Entry(
            plugin: culprit.plugin, size: size, changed: changed, deed: deed, count: (isRow ? old?.count ?? 0 : 0) + 1)
    }

    /// Size and time of change (ctime), by which a replaced file is recognised.
    private static func status(of path: String) -> (Int64, Int64)? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        let time = status.st_ctim
        return (Int64(status.st_size), Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}
