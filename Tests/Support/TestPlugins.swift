import Foundation
import Synchronization

/// Compiles the plugins of `Tests/TestPlugins` with the C compiler, once per set of macros.
public enum TestPlugins {
    /// The compiler's failure.
    public struct Failure: Error, CustomStringConvertible {
        /// What it was asked to do.
        public var description: String

        /// A failure in these words.
        public init(description: String) {
            self.description = description
        }
    }

    /// A directory of this run's own, that nobody else can write to.
    public static let directory: String = {
        var template = Array("/tmp/fphost-plugins-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { return "/tmp" }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }()

    private static let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    private static let compiled = Mutex<[String: String]>([:])

    /// A directory for one test.
    public static func newDirectory() throws -> String {
        let path = directory + "/" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        chmod(path, 0o755)
        return path
    }

    /// The compiler runs beside the tests, not on the threads that their tasks share.
    private static let compiler = DispatchQueue(label: "compiler")

    /// The library `lib<name>.so`, in a directory of its own.
    public static func compile(_ source: String, name: String, macros: [String] = []) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            compiler.async { continuation.resume(with: Result { try make(source, name: name, macros: macros) }) }
        }
    }

    private static func make(_ source: String, name: String, macros: [String]) throws -> String {
        let key = ([source, name] + macros).joined(separator: "\u{0}")
        if let path = compiled.withLock({ $0[key] }) { return path }
        let path = try newDirectory() + "/lib\(name).so"
        let root = tests.deletingLastPathComponent()
        var command = ["cc", "-std=gnu11", "-O1", "-g", "-fPIC", "-shared", "-w", "-DNAME=\"\(name)\""]
        command += macros.map { "-D" + $0 }
        command += ["-I", root.appending(path: "Sources/FPPluginAPI/include").path]
        command += ["-o", path, tests.appending(path: "TestPlugins/\(source).c").path, "-lpthread"]
        try run(command)
        chmod(path, 0o755)
        compiled.withLock { $0[key] = path }
        return path
    }

    private static func run(_ command: [String]) throws {
        var arguments = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var child = pid_t()
        let failure = posix_spawnp(&child, command[0], nil, nil, &arguments, environ)
        guard failure == 0 else { throw Failure(description: "\(command[0]): \(String(cString: strerror(failure)))") }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        guard status == 0 else { throw Failure(description: command.joined(separator: " ") + " failed") }
    }
}
