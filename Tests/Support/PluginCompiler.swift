import Foundation

/// Plugins in C, compiled against the contract alone, as their authors would.
public enum PluginCompiler {
    /// The working tree that this was built from.
    public static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Compiles `source`, a path in the working tree, to `lib<name>.so` in `directory`.
    /// - Parameter macros: what to define; the name is always `NAME`.
    /// - Returns: the library's path.
    public static func compile(
        _ source: String, name: String, macros: [String] = [], in directory: TemporaryDirectory
    ) async throws -> String {
        let library = directory.url.appendingPathComponent("lib\(name).so").path
        var words = ["cc", "-std=gnu11", "-O1", "-fPIC", "-shared", "-w", "-fvisibility=hidden", "-DNAME=\"\(name)\""]
        words += macros.map { "-D" + $0 }
        words += ["-I", root.appendingPathComponent("Sources/FPPluginAPI/include").path]
        words += ["-o", library, root.appendingPathComponent(source).path]
        try await onThread { [words] in
            let status = try ChildProgram.run(
                "/usr/bin/env", words, in: directory.url.path, output: library + ".output", errors: library + ".errors")
            guard status == 0 else { throw HostFailure(words.joined(separator: " ") + " failed") }
        }
        chmod(library, 0o755)
        return library
    }
}
