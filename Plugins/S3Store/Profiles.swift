import CLinux
import FPPluginKit
import Glibc

/// The shared credentials and configuration files of the AWS tools.
struct SharedFiles {
    private var sections: [String: [String: String]] = [:]

    /// Reads both; a file that is not there is empty.
    init() {
        let home = environment("HOME") ?? ""
        read(environment("AWS_CONFIG_FILE") ?? home + "/.aws/config") { section in
            if section == "default" { return section }
            guard section.hasPrefix("profile ") else { return nil }
            return section.dropFirst(8).trimmed
        }
        read(environment("AWS_SHARED_CREDENTIALS_FILE") ?? home + "/.aws/credentials") { $0 }
    }

    /// The settings of a profile; nil if neither file has it.
    subscript(profile: String) -> [String: String]? { sections[profile] }

    private mutating func read(_ path: String, _ profile: (String) -> String?) {
        guard let text = contents(of: path) else { return }
        var current: String?
        for line in text.split(whereSeparator: \.isNewline) {
            // Lines that are indented belong to nested settings, of which none matters here.
            guard let first = line.first, !first.isWhitespace, first != "#", first != ";" else { continue }
            if first == "[" {
                current = profile(line.dropFirst().prefix { $0 != "]" }.trimmed)
                if let current, sections[current] == nil { sections[current] = [:] }
                continue
            }
            guard let current, let equals = line.firstIndex(of: "=") else { continue }
            sections[current]?[line[..<equals].trimmed] = line[line.index(after: equals)...].trimmed
        }
    }
}

extension StringProtocol {
    /// Without blanks at either end.
    var trimmed: String {
        var text = self[...]
        while text.first?.isWhitespace == true { text = text.dropFirst() }
        while text.last?.isWhitespace == true { text = text.dropLast() }
        return String(text)
    }
}

/// A small text file; nil if it cannot be read.
func contents(of path: String) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while bytes.count < 1 << 20 {
        let count = read(file, &chunk, chunk.count)
        guard count > 0 else { break }
        bytes += chunk.prefix(count)
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// A profile of the shared files: keys, or a process that hands them out.
struct ProfileCredentials: CredentialSource {
    let name: String
    let isRequired: Bool

    func fetch(_ call: borrowing Call) throws(PluginError) -> Credentials? {
        guard let profile = SharedFiles()[name] else {
            guard isRequired else { return nil }
            throw PluginError(.auth, "the shared files have no profile \"\(name)\"; add it, or name another")
        }
        if let access = profile["aws_access_key_id"], let secret = profile["aws_secret_access_key"] {
            return Credentials(accessKey: access, secretKey: secret, sessionToken: profile["aws_session_token"])
        }
        if let command = profile["credential_process"] {
            return try CredentialProcess(command: command, profile: name).fetch(call)
        }
        guard isRequired else { return nil }
        throw PluginError(
            .auth, "the profile \"\(name)\" has neither keys nor a credential_process; other kinds are not supported")
    }
}

/// A program that prints credentials as JSON.
struct CredentialProcess {
    let command, profile: String

    func fetch(_ call: borrowing Call) throws(PluginError) -> Credentials {
        let output = try run(call)
        guard let found = Credentials(json: output) else {
            throw PluginError(
                .auth, "the credential_process of the profile \"\(profile)\" printed no credentials; run it by hand")
        }
        return found
    }

    private func run(_ call: borrowing Call) throws(PluginError) -> [UInt8] {
        var ends: [Int32] = [0, 0]
        let piped = cl_pipe(&ends)
        guard piped == 0 else {
            throw PluginError(.transient, "no pipe for the credential_process", errno: -piped)
        }
        let pipe = Descriptor(owning: ends[0])
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        // The host's threads have all signals blocked, and a program expects none to be.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP))
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        var child: pid_t = 0
        let texts: [String] = ["/bin/sh", "-c", command]
        var words: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        let started = posix_spawn(&child, "/bin/sh", &actions, &attributes, &words, environ)
        close(ends[1])
        guard started == 0 else {
            throw PluginError(
                .auth, "the credential_process of the profile \"\(profile)\" cannot start", errno: started)
        }
        defer {
            kill(-child, SIGKILL)
            waitpid(child, nil, 0)
        }
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while output.count < 1 << 20 {
            try call.check()
            var poller = pollfd(fd: pipe.raw, events: Int16(POLLIN), revents: 0)
            guard poll(&poller, 1, 100) > 0 else { continue }
            let count = read(pipe.raw, &chunk, chunk.count)
            if count <= 0 { break }
            output += chunk.prefix(count)
        }
        return output
    }
}
