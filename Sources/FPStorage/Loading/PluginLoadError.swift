/// Why a plugin cannot be used. Each is an operator's error: the message says what was expected, what was found and
/// what to do.
public struct PluginLoadError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of refusal it is.
    public enum Reason: Sendable, Equatable {
        /// There is no such file.
        case notFound
        /// The name is neither a plugin's name nor an absolute path.
        case badReference
        /// It is not a regular file, or cannot be read.
        case notAFile
        /// This process runs with more rights than who started it.
        case privilegedProcess
        /// The file or a directory above it belongs to somebody else.
        case untrustedOwner
        /// Others than the owner can change the file or a directory above it.
        case writableByOthers
        /// The file is not the one whose sha256 is configured.
        case wrongDigest
        /// It is not an ELF shared library.
        case notALibrary
        /// It is built for another machine.
        case wrongArchitecture
        /// The dynamic linker refuses it.
        case linkFailed
        /// It is a library, but no plugin.
        case noEntryPoint
        /// It is built for a newer host.
        case newerHostNeeded
        /// It is built for an older host.
        case olderHostNeeded
        /// It refuses this host.
        case refusedHost
        /// What the entry point returns is no plugin table.
        case wrongMagic
        /// The table ends too early.
        case truncatedTable
        /// A required part of the table is missing.
        case missingSlot
        /// The name is malformed, or is not the file's.
        case wrongName
        /// Another field of the table makes no sense.
        case badTable
        /// The option table makes no sense.
        case badOptions
        /// The plugin's own start failed.
        case startFailed
        /// It ends the process that loads it.
        case crashed
        /// Loading it does not end.
        case hung
    }

    /// What kind of refusal it is.
    public var reason: Reason
    /// The file, or the name where no file was found.
    public var plugin: String
    /// One or two sentences for the operator.
    public var message: String

    /// Makes an error.
    public init(_ reason: Reason, plugin: String, message: String) {
        self.reason = reason
        self.plugin = plugin
        self.message = message
    }

    /// The error as one line.
    public var description: String { "plugin \(plugin): \(message)" }
}
