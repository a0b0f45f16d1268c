import FPConfig
import Glibc
import Testing

/// Settings from a file of the file system.
struct LoadingTests {
    @Test func `relative paths are resolved against the file's directory, wherever the process is`() throws {
        let scratch = try ScratchDirectory()
        let file = try scratch.write("fphost.yaml", oneStore)
        let settings = try Settings.load(file: file, environment: [:])
        #expect(settings.catalog?.description == "sqlite:" + scratch.path + "/data/fphost.db")
        #expect(settings.source.directory == scratch.path)
    }

    @Test func `a relative name of the file is meant from the working directory`() throws {
        let scratch = try ScratchDirectory()
        let file = try scratch.write("fphost.yaml", oneStore)
        let here = try #require(getcwd(nil, 0))
        defer { free(here) }
        // Up to the root and down again, since the working directory is not a test's to change.
        let up = String(cString: here).split(separator: "/").map { _ in ".." }.joined(separator: "/")
        let settings = try Settings.load(file: "./" + up + file, environment: [:])
        let resolved = try #require(realpath(settings.source.directory, nil))
        defer { free(resolved) }
        #expect(settings.catalog?.url.value.hasPrefix("sqlite:/") == true)
        #expect(String(cString: resolved) == scratch.path)
    }

    @Test func `a file that cannot be read is refused with its name and what to do`() throws {
        let scratch = try ScratchDirectory()
        let missing = try refusal(scratch.path + "/none.yaml")
        #expect(
            missing == "\(scratch.path)/none.yaml: no such file; give the path of a settings file, "
                + "such as a copy of the shipped fphost.yaml"
        )
        #expect(try refusal(scratch.path) == "\(scratch.path): not a file; give the path of a settings file")
        let large = try scratch.write("large.yaml", String(repeating: "#", count: (1 << 20) + 1))
        #expect(try refusal(large) == "\(large): the file is larger than 1MiB; a settings file is much smaller")
    }

    @Test func `complaints name the file as it was given`() throws {
        let scratch = try ScratchDirectory()
        let file = try scratch.write("my.yaml", "\(oneStore)x: 1\n")
        #expect(try refusal(file).hasPrefix("\(file):2:1: unknown key \"x\""))
    }

    private func refusal(_ file: String) throws -> String {
        try #require(throws: ConfigErrors.self) { _ = try Settings.load(file: file, environment: [:]) }.description
    }
}
