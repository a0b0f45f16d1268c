import ArgumentParser
import FPAccess
import FPConfig
import FPFormats

/// `fphost token`
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Make, list and revoke bearer tokens.",
        discussion: """
            They are kept in the file that the configuration names in authentication.tokens, as digests only. A running \
            host sees a change within a second. Run it as the user that the host runs as.
            """,
        subcommands: [New.self, List.self, Revoke.self], defaultSubcommand: List.self)

    struct New: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a token and print it, this one time.",
            discussion: "The scope \"application\" opens the application API and everybody's uploads.")

        @OptionGroup var configuration: ConfigurationOption
        @Option(help: "Whose uploads are made with it; by default nobody's.") var owner: String?
        @Option(
            name: .customLong("scope"),
            help: "What it opens, a word that HasScope in the permissions asks for; may be given several times.")
        var scopes: [String] = []
        @Option(help: "How long it is good: a duration such as 90d or 12h, or never.") var expires = "90d"
        @Option(help: "What it is for, shown by \"list\".") var note = ""

        func run() async throws {
            try await reportingRefusals {
                let file = try tokenFile(configuration)
                let date = AccessClock.system.date() / 1000 * 1000
                let end = try expiry(from: date)
                let token = try written(file) { file in
                    try file.add { token in
                        try TokenRecord(
                            token, owner: owner, scopes: scopes, created: date, expires: end, note: note)
                    }
                }
                print(token.text)
                printError("This is shown once. \"fphost token revoke \(token.id)\" ends it.")
            }
        }

        private func expiry(from date: Int64) throws -> Int64? {
            if expires == "never" { return nil }
            switch Quantity.duration.value(expires) {
            case .success(let length) where length > 0 && length <= Self.longest: return date + length
            case .success:
                throw Refusal(.failure, "--expires must be between 1ms and 36500d, or never")
            case .failure(let complaint): throw Refusal(.failure, "--expires \(complaint.text), or never")
            }
        }

        private static let longest: Int64 = 36_500 * 86_400_000
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the tokens: id, owner, scopes, when made, until when good, note.",
            discussion: "The last line names those that have expired, if there are any.")

        @OptionGroup var configuration: ConfigurationOption

        func run() async throws {
            try await reportingRefusals {
                let records = try written(try tokenFile(configuration)) { try $0.table() }.records
                for record in records { print(Self.line(record)) }
                let date = AccessClock.system.date()
                let expired = records.filter { $0.isExpired(at: date) }.map(\.id)
                if !expired.isEmpty { print("expired: " + expired.joined(separator: " ")) }
            }
        }

        private static func line(_ record: TokenRecord) -> String {
            [
                record.id, record.owner ?? "-", record.scopes.isEmpty ? "-" : record.scopes.joined(separator: " "),
                InternetTime.text(millisecondsSince1970: record.created),
                record.expires.map { InternetTime.text(millisecondsSince1970: $0) } ?? "never", record.note,
            ].joined(separator: "\t")
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End a token: who has it gets in no more.")

        @OptionGroup var configuration: ConfigurationOption
        @Argument(help: "The token's id, as \"list\" shows it, or the token itself.") var id: String

        func run() async throws {
            try await reportingRefusals {
                let file = try tokenFile(configuration)
                // Who found a token somewhere has it, and not its id.
                let name = AccessToken(id)?.id ?? id
                guard let record = try written(file, { try $0.revoke(name) }) else {
                    throw Refusal(
                        .failure, "there is no token of that id in \(file.path); \"fphost token list\" shows them")
                }
                print("revoked \(record.id)" + (record.owner.map { " of \($0)" } ?? ""))
            }
        }
    }
}

private func tokenFile(_ configuration: ConfigurationOption) throws -> TokenTableFile {
    let settings = try configuration.load()
    guard let path = settings.authentication.tokens else {
        throw Refusal(
            .configuration,
            "\(configuration.file) names no file for tokens; add \"authentication: {tokens: ./data/tokens}\"")
    }
    return TokenTableFile(path)
}

/// Works on the file; what is wrong with it becomes a refusal.
private func written<Value>(_ file: TokenTableFile, _ work: (TokenTableFile) throws -> Value) throws -> Value {
    do {
        return try work(file)
    } catch let error as AccessFileError {
        throw Refusal(.failure, error.description)
    } catch let error as TokenRecord.Invalid {
        throw Refusal(.failure, error.description)
    }
}
