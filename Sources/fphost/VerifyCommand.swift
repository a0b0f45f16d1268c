import ArgumentParser
import FPFormats
import Foundation

/// `fphost uploads verify`
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Compare the files of uploads with what is on record of them.",
        discussion: """
            Looks at the size and the tag of each file in its store; with --deep, reads every byte and compares its digests, \
            and puts on record that they are right. Nothing is mended and nothing removed. Damaged files are listed, one \
            a line: id, number of the file, store, path, what is wrong, what differs, what is on record, what was found. \
            Exit status 1 says that there are some, or that some could not be read.
            """)

    @OptionGroup var connection: UploadsCommand.Connection
    @Argument(help: "The uploads' ids; without any, all uploads that are whole.") var ids: [String] = []
    @Flag(help: "Read every byte.") var deep = false
    @Option(help: "Only uploads with a file in this store.") var store: String?
    @Option(help: "With --deep, the most bytes to be read in a second.") var rate = "100MB"
    @Option(help: "Leave out uploads that --deep found right at that time or later, such as 2026-01-31T00:00:00Z.")
    var since: String?
    @Flag(help: "Print JSON, one upload a line, the sound ones too.") var json = false

    func run() async throws {
        try await reportingRefusals {
            let check = try UploadCheck(self, rate: try bytesPerSecond())
            if ids.isEmpty {
                let interruption = Interruption(advice: advice(beganAt: Date()))
                defer { interruption.end() }
                do {
                    try check.all()
                } catch let refusal as Refusal {
                    printError(interruption.advice)
                    throw refusal
                }
            } else {
                for id in ids { try check.one(id) }
            }
            check.report()
            if check.isBad { throw ExitCode.failure }
        }
    }

    private func bytesPerSecond() throws -> UInt64? {
        guard deep else { return nil }
        switch Quantity.size.value(rate) {
        case .success(let value) where value > 0: return UInt64(value)
        case .success: throw Refusal(.failure, "--rate must be above 0")
        case .failure(let complaint): throw Refusal(.failure, "--rate \(complaint.text)")
        }
    }

    /// How to go on with a run that was broken off.
    private func advice(beganAt now: Date) -> String {
        guard deep else { return "broken off; run it again: nothing was read but sizes and tags" }
        let start = since ?? InternetTime.text(millisecondsSince1970: Int64(now.timeIntervalSince1970 * 1000))
        let options = [
            ("--since", start), ("--store", store), ("--rate", rate), ("--url", connection.url),
            ("--config", connection.configuration.file),
        ]
        let words = options.compactMap { name, value in value.map { "\(name) \($0)" } }
        return "broken off; go on with: fphost uploads verify --deep " + words.joined(separator: " ")
            + (json ? " --json" : "")
    }
}

/// Says how to go on before an interrupted process ends.
private struct Interruption {
    let advice: String
    private let source: any DispatchSourceSignal

    init(advice: String) {
        self.advice = advice
        signal(SIGINT, SIG_IGN)
        source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
        source.setEventHandler {
            printError("\n" + advice)
            _exit(130)
        }
        source.resume()
    }

    func end() {
        source.cancel()
        signal(SIGINT, SIG_DFL)
    }
}

/// A run over uploads, and what it has found.
private final class UploadCheck {
    private struct Answer: Decodable {
        struct File: Decodable {
            let store: String
            let path: String?
            let result: String
            let differs: String?
            let expected: String?
            let found: String?
        }

        let damaged: Bool
        let files: [File]
    }

    private struct Question: Encodable {
        let deep: Bool
        let rate: UInt64?
    }

    private struct Page: Decodable {
        struct Upload: Decodable {
            struct File: Decodable { let size: UInt64? }

            let id: String
            let files: [File]
            var size: UInt64 { files.reduce(0) { $0 + ($1.size ?? 0) } }
        }

        let uploads: [Upload]
        let next: String?
    }

    private let command: VerifyCommand
    private let client: APIClient
    private let question: Data
    private var (compared, damaged, unread, unknown) = (0, 0, 0, 0)

    init(_ command: VerifyCommand, rate: UInt64?) throws {
        self.command = command
        client = try command.connection.client()
        question = try JSONEncoder().encode(Question(deep: command.deep, rate: rate))
    }

    var isBad: Bool { damaged + unread > 0 }

    func report() {
        printError(
            "\(compared) uploads compared, \(damaged) of them damaged; \(unread) could not be read, and \(unknown) have "
                + "files without digests")
    }

    func all() throws {
        var progress = TerminalProgress(command.deep ? "reading uploads" : "looking at uploads")
        var (total, done) = (UInt64(0), UInt64(0))
        // A second way through the listing, which is short beside reading what is listed.
        if progress.isShown { try pages { page in total += page.uploads.reduce(0) { $0 + work(on: $1) } } }
        let start = ContinuousClock.now
        try pages { page in
            for upload in page.uploads {
                try one(upload.id)
                done += work(on: upload)
                let seconds = (ContinuousClock.now - start) / .seconds(1)
                let rate = seconds > 0 ? Double(done) / seconds / 1_000_000 : 0
                progress.show(
                    Double(done) / Double(max(1, total)), command.deep ? String(format: "%.1f MB/s", rate) : "")
            }
        }
        progress.end()
    }

    /// How much of the run an upload is.
    private func work(on upload: Page.Upload) -> UInt64 { command.deep ? upload.size + 1 : 1 }

    private func pages(_ body: (Page) throws -> Void) throws {
        var cursor: String?
        repeat {
            let fields = [
                ("state", "complete,stored"), ("store", command.store), ("verified_before", command.since),
                ("order", "oldest"), ("limit", "1000"), ("cursor", cursor),
            ]
            let query = fields.compactMap { name, value in value.map { "\(name)=\(PercentEncoding.encoded($0))" } }
            let reply = try client.send("GET", "/api/v1/uploads?" + query.joined(separator: "&"))
            guard reply.status == 200 else { throw command.connection.refusal(reply) }
            guard let page = try? JSONDecoder().decode(Page.self, from: reply.body) else {
                throw Refusal(.failure, "the host's answer is not a listing; are the versions the same?")
            }
            try body(page)
            cursor = page.next
        } while cursor != nil
    }

    func one(_ id: String) throws {
        let reply = try client.send("POST", "/api/v1/uploads/\(PercentEncoding.encoded(id))/verify", json: question)
        // Of those that are listed, some go or are just being stored before their turn comes.
        if command.ids.isEmpty, reply.status == 404 || reply.status == 409 { return }
        guard reply.status == 200, let answer = try? JSONDecoder().decode(Answer.self, from: reply.body) else {
            unread += 1
            printError("\(id): \(command.connection.refusal(reply).message)")
            return
        }
        compared += 1
        // What is found is seen at once, however long the run takes.
        defer { fflush(nil) }
        if answer.damaged { damaged += 1 }
        if answer.files.contains(where: { $0.result == "unknown-digest" }) { unknown += 1 }
        if command.json {
            print(String(decoding: reply.body, as: UTF8.self).trimmingSpace())
            return
        }
        for (number, file) in answer.files.enumerated() where file.result == "mismatch" || file.result == "missing" {
            let texts = [id, "\(number)", file.store, file.path, file.result, file.differs, file.expected, file.found]
            print(texts.map { visible($0 ?? "-") }.joined(separator: "\t"))
        }
    }
}
