import FPContractDriver

/// What a child process is to do: sent to its standard input as one line of JSON, so that no secret is on a command line.
package struct Job: Codable, Sendable {
    package enum Role: Codable, Sendable {
        /// Tell what the plugin's table says.
        case describe
        /// Run the case with this id.
        case run(String)
        /// Drive one store by commands.
        case peer
        /// Remove what is left under the prefix.
        case cleanUp
    }

    var role: Role
    var plan: Plan
}

/// What is the same for every child of a run.
package struct Plan: Codable, Sendable {
    /// The plugin's file.
    package var plugin: String
    /// The plugin's options, checked and typed.
    package var options: OptionNode
    /// The options again, but leading to nothing.
    package var unreachable: OptionNode?
    /// The options again, but leading to `127.0.0.1` and a port for which `portMark` stands.
    package var stalled: OptionNode?
    /// Every key of this run begins with it.
    package var prefix: String
    package var seed: UInt64
    /// How a child is started: the program and its arguments.
    package var command: [String]
    /// Seconds for one case.
    package var timeLimit: Double

    /// No port that a real back-end would have; a number, so that options with a number take it.
    package static let portMark = 47_119

    package init(
        plugin: String, options: OptionNode = OptionNode(), unreachable: OptionNode? = nil, stalled: OptionNode? = nil,
        seed: UInt64, command: [String], timeLimit: Double = 60
    ) {
        self.plugin = plugin
        self.options = options
        self.unreachable = unreachable
        self.stalled = stalled
        self.seed = seed
        self.command = command
        self.timeLimit = timeLimit
        prefix = "fphost-validate-" + String(UInt64.random(in: 1 << 60 ... .max), radix: 36)
    }
}

/// What the table of a plugin says of itself and of its options.
package struct PluginDescription: Codable, Sendable {
    package struct Option: Codable, Sendable {
        package var key: String
        package var type: UInt32
        package var flags: UInt32
        package var defaultText: String?
        package var choices: String?
        package var min: Int64
        package var max: Int64
        package var help: String
    }

    package var name: String
    package var version: String
    package var options: [Option]
}

extension OptionNode {
    /// The texts that must not turn up anywhere. Very short ones turn up by chance.
    var secrets: [String] {
        (isSecret && text.utf8.count >= 6 ? [text] : []) + children.flatMap(\.secrets)
    }

    /// The same, with a port in the place of its mark.
    func with(port: UInt16) -> OptionNode {
        var copy = self
        copy.text = text.replacing("\(Plan.portMark)", with: "\(port)")
        if i64 == Int64(Plan.portMark) { copy.i64 = Int64(port) }
        copy.children = children.map { $0.with(port: port) }
        return copy
    }

    /// The same, but for what `other` gives.
    package func merging(_ other: OptionNode) -> OptionNode {
        guard kind == .map, other.kind == .map else { return other }
        var copy = self
        for child in other.children {
            if let index = copy.children.firstIndex(where: { $0.key == child.key }) {
                copy.children[index] = copy.children[index].merging(child)
            } else {
                copy.children.append(child)
            }
        }
        return copy
    }
}
