import Crypto
import FPStorage
import Foundation
import Support
import Testing

/// A copy of a sound plugin, in a directory where a test may spoil it.
private struct Copy {
    let directory: String
    var path: String { directory + "/libMemory.so" }

    init() async throws {
        let library = try await TestPlugins.compile("memory", name: "Memory")
        directory = try TestPlugins.newDirectory()
        try FileManager.default.copyItem(atPath: library, toPath: path)
        chmod(path, 0o755)
    }

    func load(_ path: String? = nil, sha256: String? = nil) throws -> PluginLibrary {
        try PluginLibrary.load(
            path: path ?? self.path, expectedName: "Memory", sha256: sha256, host: TestStore.host,
            logger: LogRecorder().logger)
    }

    func refusal(_ path: String? = nil, sha256: String? = nil) throws -> PluginLoadError {
        try #require(throws: PluginLoadError.self) { try load(path, sha256: sha256) }
    }
}

@Suite struct `Trusting a plugin's file` {
    @Test func `a file that is only its owner's to change loads`() async throws {
        _ = try await Copy().load()
    }

    @Test(arguments: [(0o775, "its group"), (0o757, "everybody")])
    func `a file that others can change is refused`(mode: Int, who: String) async throws {
        let copy = try await Copy()
        chmod(copy.path, mode_t(mode))
        let error = try copy.refusal()
        #expect(error.reason == .writableByOthers)
        #expect(error.message.contains("the file is writable by \(who)"))
        #expect(error.message.contains("chmod go-w \(copy.path)"))
    }

    @Test func `a directory above it that others can change is refused`() async throws {
        let copy = try await Copy()
        chmod(copy.directory, 0o777)
        let error = try copy.refusal()
        #expect(error.reason == .writableByOthers)
        #expect(error.message.contains("the directory \(copy.directory) above it is writable by everybody"))
    }

    @Test func `a link is judged by where it leads`() async throws {
        let copy = try await Copy()
        let link = try TestPlugins.newDirectory() + "/libMemory.so"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: copy.path)
        _ = try copy.load(link)
        chmod(copy.directory, 0o777)
        #expect(try copy.refusal(link).reason == .writableByOthers)
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give a file away"))
    func `a file that belongs to somebody else is refused`() async throws {
        let copy = try await Copy()
        chown(copy.path, 12345, 0)
        let error = try copy.refusal()
        #expect(error.reason == .untrustedOwner)
        #expect(error.message.contains("the file belongs to user 12345, where root (0) is expected"))
        chown(copy.path, 0, 0)
        chown(copy.directory, 12345, 0)
        #expect(try copy.refusal().reason == .untrustedOwner)
    }

    @Test(.enabled(if: geteuid() == 0, "only root can make a sticky directory somebody else's"))
    func `a sticky directory is as good as its owner`() async throws {
        let copy = try await Copy()
        chmod(copy.directory, 0o1777)
        _ = try copy.load()
        chown(copy.directory, 12345, 0)
        #expect(try copy.refusal().reason == .untrustedOwner)
    }

    @Test func `what is no regular file is refused`() async throws {
        let copy = try await Copy()
        let path = copy.directory + "/libPipe.so"
        mkfifo(path, 0o644)
        let error = try copy.refusal(path)
        #expect(error.reason == .notAFile)
        #expect(error.message.contains("it is a pipe, where a regular file is expected"))
        #expect(try copy.refusal(copy.directory).message.contains("it is a directory"))
        #expect(try copy.refusal(copy.directory + "/absent").message.contains("cannot be reached"))
    }

    @Test func `the digest must be the one in the configuration`() async throws {
        let copy = try await Copy()
        let content = try Data(contentsOf: URL(filePath: copy.path))
        let digest = SHA256.hash(data: content).map { String(format: "%02x", $0) }.joined()
        _ = try copy.load(sha256: digest)
        _ = try copy.load(sha256: digest.uppercased())
        let other = String(repeating: "0", count: 64)
        let error = try copy.refusal(sha256: other)
        #expect(error.reason == .wrongDigest)
        #expect(error.message.contains("its sha256 is \(digest), where the configuration expects \(other)"))
        #expect(try copy.refusal(sha256: "abc").message.contains("64 hexadecimal digits"))
    }

    @Test func `a file that is no library for this machine is refused before the linker sees it`() async throws {
        let copy = try await Copy()
        var content = try Data(contentsOf: URL(filePath: copy.path))
        let original = content
        func refusal(_ change: (inout Data) -> Void) throws -> PluginLoadError {
            content = original
            change(&content)
            try content.write(to: URL(filePath: copy.path))
            chmod(copy.path, 0o755)
            return try copy.refusal()
        }
        #expect(try refusal { $0 = Data("#!/bin/sh\n".utf8) }.message.contains("it is not an ELF file"))
        #expect(try refusal { $0 = Data() }.reason == .notALibrary)
        #expect(try refusal { $0[16] = 2 }.message.contains("an ELF file of type 2"))
        let foreign = try refusal { $0[18] = 8 }
        #expect(foreign.reason == .wrongArchitecture)
        #expect(foreign.message.contains("it is built for machine 8, where this host runs on"))
        #expect(try refusal { $0[4] = 1 }.message.contains("32-bit"))
        // The dynamic linker would crash on these.
        for length in [64, 100, 3000] {
            #expect(try refusal { $0 = $0.prefix(length) }.message.contains("it was cut short"), "\(length)")
        }
        #expect(try refusal { $0[39] = 0xFF }.message.contains("it was cut short"))
        #expect(try refusal { $0[54] = 1 }.reason == .notALibrary)
    }
}

@Suite struct `Finding a plugin` {
    private func directory(_ names: [String]) throws -> PluginDirectory {
        let path = try TestPlugins.newDirectory()
        for name in names { _ = FileManager.default.createFile(atPath: path + "/lib\(name).so", contents: nil) }
        return PluginDirectory(explicit: path)
    }

    private func refusal(_ name: String, in directory: PluginDirectory) throws -> PluginLoadError {
        try #require(throws: PluginLoadError.self) { try directory.locate(PluginReference(name)) }
    }

    @Test func `a short name is a file in the directory`() throws {
        let directory = try directory(["LocalStore"])
        let location = try directory.locate(PluginReference("LocalStore"))
        #expect(location.path == directory.paths[0] + "/libLocalStore.so")
        #expect(location.name == "LocalStore")
        #expect(directory.list() == [location])
    }

    @Test func `an absolute path is taken as it is, with the name in it`() throws {
        let directory = try directory(["LocalStore"])
        let path = directory.paths[0] + "/libLocalStore.so"
        #expect(try PluginDirectory(explicit: "/nowhere").locate(PluginReference(path)).name == "LocalStore")
        #expect(try refusal("/nowhere/libX.so", in: directory).message.contains("there is no such file"))
        #expect(try refusal("/nowhere/x.so", in: directory).message.contains("lib<Name>.so is expected"))
    }

    @Test func `a plugin that comes as a package says which one to install`() throws {
        let directory = try directory(["LocalStore"])
        let s3 = try refusal("S3Store", in: directory)
        #expect(s3.reason == .notFound)
        #expect(s3.message.contains("there is no \(directory.paths[0])/libS3Store.so"))
        #expect(s3.message.contains("Install the package fphost-plugin-s3."))
        #expect(s3.message.contains("\"apt install fphost-plugin-s3\""))
        #expect(s3.message.contains("set plugins.directory"))
        #expect(try refusal("SFTPStore", in: directory).message.contains("fphost-plugin-sftp"))
        #expect(try refusal("LocalStore", in: self.directory([])).message.contains("Install the package fphost."))
    }

    @Test func `a slip of the finger is answered with the nearest name`() throws {
        let directory = try directory(["LocalStore"])
        #expect(try refusal("LocalStor", in: directory).message.contains("Did you mean LocalStore?"))
        #expect(
            try refusal("S3Stor", in: directory).message.contains("Did you mean S3Store (package fphost-plugin-s3)?"))
        #expect(try refusal("Tape", in: directory).message.contains("There are: LocalStore."))
        #expect(try refusal("Tape", in: self.directory([])).message.contains("no plugin there at all"))
    }

    @Test(arguments: ["", "../x", "a/b", "1abc", "a b", "ü", "libX.so"])
    func `what is neither name nor path is refused`(name: String) throws {
        #expect(try refusal(name, in: PluginDirectory(explicit: "/nowhere")).reason == .badReference)
    }

    @Test func `by default plugins are beside the executable`() {
        let paths = PluginDirectory(explicit: nil).paths
        #expect(paths.count == 2)
        #expect(paths.last?.hasSuffix("lib/fphost/plugins") == true)
    }
}
