import ArgumentParser
import FPFormats
import Foundation

/// `fphost uploads`
struct UploadsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "uploads", abstract: "Look at and work on the uploads of a running host.",
        discussion: "These commands speak to the host through its application API, with the token that its file names.",
        subcommands: [List.self, Show.self, Store.self, Get.self, Delete.self, VerifyCommand.self],
        defaultSubcommand: List.self)

    /// Which host to speak to.
    struct Connection: ParsableArguments {
        @OptionGroup var configuration: ConfigurationOption

        @Option(help: "The address of the host, such as http://127.0.0.1:8080; by default server.listen of the file.")
        var url: String?

        func send(
            _ method: String, _ path: String, json: (any Encodable)? = nil, to output: FileHandle? = nil
        ) throws -> Data {
            let reply = try client().send(
                method, "/api/v1" + path, json: try json.map { try JSONEncoder().encode($0) }, to: output)
            guard (200..<300).contains(reply.status) else { throw refusal(reply) }
            return reply.body
        }

        /// The way to the host, for whoever asks it more than once.
        func client() throws -> APIClient {
            let settings = try configuration.load()
            return try url.map { try APIClient(settings, url: $0) } ?? APIClient(settings)
        }

        func refusal(_ reply: APIClient.Reply) -> Refusal {
            let problem = try? JSONDecoder().decode(Problem.self, from: reply.body)
            return Refusal(.failure, problem?.detail ?? problem?.title ?? "the host answered \(reply.status)")
        }
    }

    private struct Problem: Decodable {
        let title: String?
        let detail: String?
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List uploads, oldest first.")

        @OptionGroup var connection: Connection
        @Option(help: "Only uploads in this state: receiving, complete, storing or stored.") var state: String?
        @Option(help: "Only uploads with a file in this store.") var store: String?
        @Option(help: "Only uploads whose path begins with this.") var prefix: String?
        @Option(help: "At most this many.") var limit = 1000
        @Flag(help: "Print JSON, one upload a line.") var json = false

        func run() async throws {
            try await reportingRefusals {
                var cursor: String?
                var left = limit
                repeat {
                    let page = try page(cursor: cursor, limit: min(left, 1000))
                    for upload in page.uploads { print(json ? upload.json : upload.line) }
                    left -= page.uploads.count
                    cursor = page.next
                } while cursor != nil && left > 0
            }
        }

        private func page(cursor: String?, limit: Int) throws -> ListedPage {
            let fields = [
                ("state", state), ("store", store), ("path_prefix", prefix), ("order", "oldest"), ("cursor", cursor),
                ("limit", "\(limit)"), ("metadata", json ? "true" : nil),
            ]
            let query = fields.compactMap { name, value in
                value.map { "\(name)=\(PercentEncoding.encoded($0))" }
            }
            return try ListedPage(try connection.send("GET", "/uploads?" + query.joined(separator: "&")))
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one upload as JSON.")

        @OptionGroup var connection: Connection
        @Argument(help: "The upload's id.") var id: String

        func run() async throws {
            try await reportingRefusals {
                try printJSON(connection.send("GET", "/uploads/" + PercentEncoding.encoded(id)))
            }
        }
    }

    struct Store: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Store an upload for good.")

        @OptionGroup var connection: Connection
        @Argument(help: "The upload's id.") var id: String
        @Argument(help: "Its path in the store; one that ends in / is a directory for the file's own name.")
        var path: String
        @Option(name: .customLong("store"), help: "The store; by default storages_backend.") var storeName: String?
        @Option(help: "What to do if the path is taken: fail, rename (to name_2.ext and so on) or replace.")
        var ifExists: String?
        @Flag(help: "Keep the directories that the client had the file in, below the path.") var keepRelativePath =
            false

        private struct Claim: Encodable {
            let path: String
            let store: String?
            let if_exists: String?
            let keep_relative_path: Bool?
        }

        func run() async throws {
            try await reportingRefusals {
                let request = Claim(
                    path: path, store: storeName, if_exists: ifExists, keep_relative_path: keepRelativePath ? true : nil
                )
                try printJSON(
                    connection.send("POST", "/uploads/\(PercentEncoding.encoded(id))/store", json: request))
            }
        }
    }

    struct Get: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write an upload's bytes to standard output or a file.")

        @OptionGroup var connection: Connection
        @Argument(help: "The upload's id.") var id: String
        @Option(name: .shortAndLong, help: "The file to write.") var output: String?

        func run() async throws {
            try await reportingRefusals {
                let target = try output.map { path in
                    guard FileManager.default.createFile(atPath: path, contents: nil),
                        let handle = FileHandle(forWritingAtPath: path)
                    else {
                        throw Refusal(.failure, "cannot write \(path)")
                    }
                    return handle
                }
                let path = "/uploads/\(PercentEncoding.encoded(id))/content"
                _ = try connection.send("GET", path, to: target ?? .standardOutput)
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete an upload.",
            discussion: "The file of a stored upload stays where it is unless --delete-file is given.")

        @OptionGroup var connection: Connection
        @Argument(help: "The upload's id.") var id: String
        @Flag(help: "Delete the stored file too.") var deleteFile = false

        func run() async throws {
            try await reportingRefusals {
                let path = "/uploads/\(PercentEncoding.encoded(id))?delete_file=\(deleteFile)"
                _ = try connection.send("DELETE", path)
            }
        }
    }
}

/// A page of the application API's listing.
private struct ListedPage {
    struct Upload {
        let json: String
        let line: String
    }

    let uploads: [Upload]
    let next: String?

    init(_ data: Data) throws {
        guard let page = try JSONSerialization.jsonObject(with: data) as? [String: Any],
            let uploads = page["uploads"] as? [[String: Any]]
        else { throw Refusal(.failure, "the host's answer is not a listing; are the versions the same?") }
        next = page["next"] as? String
        self.uploads = try uploads.map { upload in
            let fields = ["id", "state", "size", "created_at", "store", "path", "name"]
            return Upload(
                json: String(
                    decoding: try JSONSerialization.data(
                        withJSONObject: upload, options: [.sortedKeys, .withoutEscapingSlashes]), as: UTF8.self),
                line: fields.map { name in
                    let value = upload[name] ?? NSNull()
                    return value is NSNull ? "-" : "\(value)"
                }.joined(separator: "\t"))
        }
    }
}

private func printJSON(_ data: Data) throws {
    let object = try JSONSerialization.jsonObject(with: data)
    let pretty = try JSONSerialization.data(
        withJSONObject: object, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    print(String(decoding: pretty, as: UTF8.self))
}
