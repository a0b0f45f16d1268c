import ArgumentParser
import FPCatalog
import FPConfig
import FPFormats

/// `fphost catalog`
struct CatalogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "catalog", abstract: "Copy the catalog of uploads, check it, and put a copy in its place.",
        subcommands: [Backup.self, Restore.self, Check.self])

    struct Backup: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Copy the catalog to a new file, also while the host runs.",
            discussion: """
                The copy is the catalog as it is at one moment. It is looked through and on the disk when this ends, for \
                its owner only, and is never written over a file. It holds secrets: keep it as the catalog itself.
                """)

        @OptionGroup var configuration: ConfigurationOption
        @Argument(help: "The file to make.") var path: String

        func run() async throws {
            try await reportingRefusals {
                let url = try CatalogCommand.url(configuration)
                var progress = TerminalProgress("copying the catalog")
                let contents = try CatalogCommand.refusing { () throws(CatalogError) in
                    try Catalogs.backUp(url, to: path) { progress.show($0) }
                }
                progress.end()
                print("copied the catalog to \(path): \(contents.sentence)")
            }
        }
    }

    struct Restore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a copy in the catalog's place; the host must be stopped.",
            discussion: """
                The catalog that was there stays beside it under another name. The copy knows nothing of what was done \
                since it was made; what is in the stores and not in the copy is left alone, by every sweep to come. \
                Restore with this command and not by copying the file: a catalog that does not know that it is old takes \
                what is newer for leftovers.
                """)

        @OptionGroup var configuration: ConfigurationOption
        @Argument(help: "What `fphost catalog backup` has made.") var path: String

        func run() async throws {
            try await reportingRefusals {
                let url = try CatalogCommand.url(configuration)
                var progress = TerminalProgress("copying the catalog")
                let restoration = try CatalogCommand.refusing { () throws(CatalogError) in
                    try Catalogs.restore(url, from: path, program: "fphost \(Version.current)") { progress.show($0) }
                }
                progress.end()
                print("the catalog is that of \(path) now: \(restoration.contents.sentence)")
                if let replaced = restoration.replaced { print("the one that was there is \(replaced)") }
                for place in restoration.undone {
                    print(
                        "upload \(place.upload) was on its way to \(place.key) in store \(place.store); it is complete again"
                    )
                }
                for place in restoration.left {
                    print(
                        "upload \(place.upload) was being deleted; what is at \(place.key) in store \(place.store) stays"
                    )
                }
                print(Self.advice)
            }
        }

        private static let advice = """
            Uploads made since the copy are not known: their clients begin again, and the application gets 404 for their \
            ids. Their bytes stay where they are, in staging and in the stores, until somebody removes them by hand; \
            `fphost sweep --dry-run` shows how many there are in staging. Temporary uploads of the copy live for another \
            uploads.expire_after from now.
            """
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Look whether the catalog is sound, also while the host runs.",
            discussion: "Changes nothing. The exit status is 1 if anything is wrong.")

        @OptionGroup var configuration: ConfigurationOption

        func run() async throws {
            try await reportingRefusals {
                let url = try CatalogCommand.url(configuration)
                let faults = try CatalogCommand.refusing { () throws(CatalogError) in try Catalogs.faults(in: url) }
                guard !faults.isEmpty else {
                    print("the catalog is sound")
                    return
                }
                for fault in faults { print(fault) }
                throw Refusal(
                    .failure,
                    """
                    The catalog is not sound. Stop fphost, keep a copy of the file, and put a backup in its place: \
                    fphost catalog restore PATH
                    """)
            }
        }
    }

    fileprivate static func url(_ configuration: ConfigurationOption) throws -> String {
        let settings = try configuration.load()
        guard let url = settings.catalog?.url.value else {
            throw Refusal(.configuration, "\(settings.position(of: "catalog")): there is no catalog")
        }
        return url
    }

    fileprivate static func refusing<Value>(_ body: () throws(CatalogError) -> Value) throws -> Value {
        do throws(CatalogError) { return try body() } catch { throw Refusal(.failure, error.sentence) }
    }
}

extension CatalogContents {
    fileprivate var sentence: String {
        guard let lastTouched else { return "no uploads" }
        let last = InternetTime.text(millisecondsSince1970: lastTouched.milliseconds)
        return "\(uploads) uploads, the last of them touched at \(last)"
    }
}
