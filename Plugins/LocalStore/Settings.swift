import FPPluginKit

/// The options of a store, as Django's FileSystemStorage names them.
struct Settings: Sendable {
    let location: String
    let fileMode: UInt32
    /// Nil leaves new directories as the process's umask has them.
    let directoryMode: UInt32?
    let allowOverwrite: Bool
    let walks: Bool

    static let location = Option.path(
        "location",
        help: "The directory that holds the files. It is made where it is missing, with the directories above it.")

    static let fileMode = Option.string(
        "file_permissions_mode", default: "0644",
        help: "The mode of stored files, in octal; it holds whatever the umask is."
    ).map { text throws(OptionProblem) in try mode(text) }

    static let directoryMode = Option.string(
        "directory_permissions_mode", default: "",
        help: """
            The mode of directories made for keys with a slash, in octal; it holds whatever the umask is. \
            Empty leaves them as the umask has them: 0755 with the usual 022.
            """
    ).map { text throws(OptionProblem) in text.isEmpty ? nil : try mode(text) }

    static let allowOverwrite = Option.bool(
        "allow_overwrite", default: false,
        help: """
            Whether a file may replace another. If not, a write, copy or move onto a key that is taken fails, \
            even where the host did not ask for a free key.
            """)

    static let resolution = Option.choice(
        "path_resolution", ["auto", "walk"], default: "auto",
        help: """
            How keys are kept inside the location: by openat2 where the kernel has it, or always segment by segment. \
            For sandboxes that kill a process for openat2.
            """
    ).advanced

    static let declarations = [
        location.declaration, fileMode.declaration, directoryMode.declaration, allowOverwrite.declaration,
        resolution.declaration,
    ]

    init(_ config: ConfigNode) throws(PluginError) {
        location = try config.value(of: Self.location)
        guard location.utf8.first == UInt8(ascii: "/"), !location.utf8.contains(0) else {
            throw PluginError(.config, "the option `location` must be an absolute path, not \"\(location)\"")
        }
        fileMode = try config.value(of: Self.fileMode)
        directoryMode = try config.value(of: Self.directoryMode)
        allowOverwrite = try config.value(of: Self.allowOverwrite)
        walks = try config.value(of: Self.resolution) == "walk"
    }

    private static func mode(_ text: String) throws(OptionProblem) -> UInt32 {
        guard let mode = UInt32(text, radix: 8), mode <= 0o7777, !text.hasPrefix("+") else {
            throw OptionProblem("must be an octal mode such as 0644, not \"\(text)\"")
        }
        return mode
    }
}
