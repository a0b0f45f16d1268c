import FPFormats
public import Logging

/// The catalogs that there are, by URL: the one place that knows their schemes.
///
/// | URL | catalog |
/// |---|---|
/// | `sqlite:PATH` | one SQLite file, for one host at a time |
///
/// Of a URL that names none of them nothing is shown: it may hold a password.
public enum Catalogs {
    /// What can be written, for the sentences that refuse anything else.
    public static let forms = "sqlite:PATH, as in sqlite:./data/fphost.db or sqlite:/var/lib/x.db"

    /// Opens the catalog at a URL; creates it if it is missing.
    /// - Parameters:
    ///   - url: where the catalog is.
    ///   - durability: what a change that returned survives.
    ///   - countsOwners: whether to keep what each owner has, which each change of an upload with an owner pays for.
    ///     Without it, ``Catalog/usage(of:)`` and ``OwnerLimits`` are refused. What was not kept is counted anew when a
    ///     catalog is opened to keep it again.
    ///   - receivers: who is told of events; without any, no event is written, and none costs anything.
    ///   - program: the name and version of this program, for the sentence by which an older one refuses the database.
    ///   - logger: for what its operator should know.
    /// - Throws: ``CatalogError/inUse(_:)`` if another host has it open, ``CatalogError/tooNew(_:)`` if a newer fphost
    ///   wrote it, ``CatalogError/full(_:)``, and ``CatalogError/failed(_:)``, also for a URL that names no catalog.
    public static func open(
        url: String, durability: CatalogDurability, countsOwners: Bool = true, receivers: [EventReceiver] = [],
        program: String = "fphost", logger: Logger
    ) async throws(CatalogError) -> any Catalog {
        switch try Kind(url) {
        case .sqlite(let path):
            try await SQLiteCatalog.open(
                path: path, durability: durability, countsOwners: countsOwners, receivers: receivers, program: program,
                logger: logger)
        }
    }

    /// What opening the catalog would be refused for, as far as that can be seen without making or changing anything;
    /// `nil` if nothing. Whether another host has it open is not asked: a configuration is checked while its host runs.
    public static func objection(to url: String) -> String? {
        do throws(CatalogError) {
            return switch try Kind(url) {
            case .sqlite(let path): SQLiteCatalog.objection(to: path)
            }
        } catch {
            return error.sentence
        }
    }

    /// Which process has the catalog open: 0 if one has and did not say which, `nil` if none has, or if that cannot be
    /// asked. Makes nothing.
    public static func user(of url: String) -> Int32? {
        switch try? Kind(url) {
        case .sqlite(let path): SQLiteCatalog.user(of: path)
        case nil: nil
        }
    }

    /// The file that the catalog is, without symbolic links, for a host that keeps notes of its own beside it; `nil` if
    /// the catalog is no file of this machine.
    public static func file(of url: String) -> String? {
        switch try? Kind(url) {
        case .sqlite(let path): SQLiteCatalog.place(of: path)
        case nil: nil
        }
    }

    enum Kind {
        case sqlite(path: String)

        init(_ url: String) throws(CatalogError) {
            // Two slashes would begin the name of a host, a colon one of SQLite's own names.
            guard let path = url.without(prefix: "sqlite:"), !path.begins(with: "//"), !path.begins(with: ":") else {
                throw .failed("There is no such catalog; write \(Catalogs.forms).")
            }
            self = .sqlite(path: String(path))
        }
    }
}

/// What a change that returned survives.
public enum CatalogDurability: Sendable {
    /// The end of the process, however it comes. After a loss of power the last changes may be missing, and the
    /// database is consistent.
    case process
    /// The end of the process and a loss of power: each commit waits for the disk.
    case power
}
