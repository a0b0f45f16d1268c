import FPConfig
import Glibc
import Testing

/// A directory that goes when the test is over.
final class ScratchDirectory {
    let path: String
    private var made: [String] = []

    init() throws {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/fpconfig-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        path = String(cString: made)
    }

    deinit {
        for name in made.reversed() + [path] {
            remove(name)
        }
    }

    @discardableResult
    func write(_ name: String, _ text: String, mode: mode_t = 0o600) throws -> String {
        let file = path + "/" + name
        made.append(file)
        let stream = try #require(fopen(file, "w"))
        #expect(fwrite(text, 1, text.utf8.count, stream) == text.utf8.count)
        #expect(fclose(stream) == 0)
        #expect(chmod(file, mode) == 0)
        return file
    }

    @discardableResult
    func makeDirectory(_ name: String) throws -> String {
        let directory = path + "/" + name
        try #require(mkdir(directory, 0o700) == 0)
        made.append(directory)
        return directory
    }
}

/// The repository, found from this file, so that tests see the files that are shipped.
enum Repository {
    static func text(_ name: String, uncommented: Bool = false) throws -> String {
        // SwiftPM may reach this file through a symbolic link; the repository is where the file really is.
        let here = try #require(realpath(#filePath, nil))
        defer { free(here) }
        let root = String(cString: here).split(separator: "/").dropLast(3).joined(separator: "/")
        let stream = try #require(fopen("/\(root)/\(name)", "r"), "\(name) is missing")
        defer { fclose(stream) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&buffer, 1, buffer.count, stream), count > 0 {
            bytes += buffer[..<count]
        }
        let text = String(decoding: bytes, as: UTF8.self)
        return uncommented ? Self.uncommented(text) : text
    }

    /// A `#` right before a key, with no space between, comments an optional key out; every other `#` explains.
    private static func uncommented(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let indentation = line.prefix { $0 == " " }
            let rest = line.dropFirst(indentation.count)
            guard rest.first == "#", let next = rest.dropFirst().first, next.isLetter else { return String(line) }
            return String(indentation + rest.dropFirst())
        }
        .joined(separator: "\n")
    }
}

/// The least that a settings file needs, to which a test adds what it is about.
let oneStore = "stores: {media: {plugin: LocalStore}}\n"

func load(
    _ yaml: String,
    directory: String = "/srv/fp",
    environment: [String: String] = [:]
) throws(ConfigErrors) -> Settings {
    try Settings.load(yaml: yaml, file: "fphost.yaml", directory: directory, environment: environment)
}

/// Every complaint about a file, as it is printed; empty if there is none.
func complaints(
    _ yaml: String,
    directory: String = "/srv/fp",
    environment: [String: String] = [:]
) -> [String] {
    do throws(ConfigErrors) {
        _ = try load(yaml, directory: directory, environment: environment)
        return []
    } catch {
        return error.problems.map(\.description)
    }
}
