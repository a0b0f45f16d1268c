import ArgumentParser
import FPConfig
import FPFormats
import FPPolicy
import FPUploads
import Glibc

/// `fphost policy`
struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Sign and look at upload policies.",
        discussion: """
            An upload policy says what one client may do, and for how long; the application signs it and hands it to the \
            page. docs/policies.md has the format, and how to make one in other languages.
            """,
        subcommands: [Sign.self, Show.self])

    struct Sign: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a policy, signed with a key of the configuration.")

        @OptionGroup var configuration: ConfigurationOption
        @Option(help: "The id of the key; may be left out if there is one only.") var key: String?
        @Option(help: "How long it holds: 15m, 1h, 7d.") var expires: String
        @Option(help: "Whose the uploads are.") var owner: String?
        @Option(name: .customLong("scope"), help: "A scope that the client has; may be given several times.")
        var scopes: [String] = []
        @Option(
            name: .customLong("op"),
            help:
                "What the client may do: begin, send, ask, revert, load, restore or fetch; may be given several times. By default the first four."
        )
        var operations: [String] = []
        @Option(help: "The largest upload: 10MiB.") var maxSize: String?
        @Option(help: "The most files of one upload.") var maxFiles: Int?
        @Option(help: "How many uploads may begin.") var count: Int64?
        @Option(
            name: .customLong("type"),
            help:
                "What is taken: a media type, a group such as image/*, or an extension such as .pdf; may be given several times."
        )
        var types: [String] = []
        @Option(help: "Where an upload is stored as soon as it is whole; {id} and {name} are filled in.")
        var path: String?
        @Option(name: .customLong("store"), help: "The store for --path; by default storages_backend.")
        var storeName: String?
        @Option(help: "The policy's own name, by which uploads are counted; with --count, a random one by default.")
        var id: String?

        func run() async throws {
            try await reportingRefusals {
                let keys = try configuration.policyKeys()
                var policy = UploadPolicy(expires: try end())
                policy.owner = owner
                policy.scopes = scopes
                policy.id = id ?? count.map { _ in UploadID.random().description }
                policy.maxSize = try maxSize.map(Self.size)
                policy.maxFiles = maxFiles
                policy.count = count
                policy.path = path
                policy.store = storeName
                policy.types = try types.map(Self.type)
                if !operations.isEmpty { policy.operations = try operations.map(Self.operation) }
                let key = try chosen(keys)
                do throws(PolicyError) {
                    print(try SignedPolicy.text(of: policy, key: key, in: keys))
                } catch {
                    throw Refusal(.failure, error.description)
                }
            }
        }

        private func end() throws -> Int64 {
            switch Quantity.duration.value(expires) {
            case .success(let milliseconds): return Int64(time(nil)) + milliseconds / 1000
            case .failure(let complaint): throw ValidationError("--expires \(complaint.text)")
            }
        }

        private func chosen(_ keys: PolicyKeys) throws -> String {
            if let key { return key }
            guard keys.ids.count == 1 else {
                throw ValidationError("--key must name one of the keys: \(keys.ids.joined(separator: ", "))")
            }
            return keys.ids[0]
        }

        private static func size(_ text: String) throws -> UInt64 {
            switch Quantity.size.value(text) {
            case .success(let size): return UInt64(size)
            case .failure(let complaint): throw ValidationError("--max-size \(complaint.text)")
            }
        }

        private static func type(_ text: String) throws -> TypePattern {
            switch TypePattern.parse(text) {
            case .success(let type): return type
            case .failure(let complaint): throw ValidationError("--type \(text) \(complaint.text)")
            }
        }

        private static func operation(_ name: String) throws -> PolicyOperation {
            guard let operation = PolicyOperation(rawValue: name) else {
                throw ValidationError("there is no operation \(FPFormats.quoted(name))")
            }
            return operation
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what a policy says, if a key of the configuration signed it.",
            discussion: "The exit status is 1 if the policy does not hold.")

        @OptionGroup var configuration: ConfigurationOption
        @Argument(help: "The policy.") var policy: String

        func run() async throws {
            try await reportingRefusals {
                let keys = try configuration.policyKeys()
                do throws(PolicyError) {
                    let signed = try SignedPolicy(policy, keys: keys)
                    print("key: \(signed.keyID)")
                    print(signed.policy.json.indentedText)
                    try signed.policy.check(at: Int64(time(nil)))
                } catch {
                    throw Refusal(.failure, error.description)
                }
            }
        }
    }
}

extension ConfigurationOption {
    fileprivate func policyKeys() throws -> PolicyKeys {
        guard let keys = try PolicyKeys(try load()) else {
            throw Refusal(.configuration, "\(file) has no authentication.policies.keys; name a key there")
        }
        return keys
    }
}
