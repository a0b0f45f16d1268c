import CSSH
import FPPluginKit
import Glibc

/// What the files of known hosts say about one server, read as OpenSSH reads them (sshd(8), "SSH_KNOWN_HOSTS FILE
/// FORMAT").
///
/// libssh can read these files, but not well enough. It skips every line with a marker, so that a revoked key still
/// counts where a plain line has it, and it takes a name that a pattern excludes ("!name") for one that it includes.
struct KnownHosts {
    /// A line that is about this server.
    struct Line {
        /// The file, and the number of the line in it.
        let place: String
        let type: String
        let key: [UInt8]
    }

    enum Verdict {
        case known
        case unknown
        /// Other keys are known.
        case changed([Line])
        case revoked(Line)
        /// There are lines about this server that are not understood, so that nothing is known for sure.
        case unclear(String)
    }

    private enum Marker {
        case none
        case authority
        case revoked
        case other(String)
    }

    /// As the files have it: in lower case, and with the port if it is not the usual one.
    private let name: [UInt8]
    /// Without the port: a key that is revoked for a machine is so at every port of it.
    private let bareName: [UInt8]
    private var trusted: [Line] = []
    private var revoked: [Line] = []
    private var authority: String?
    private var unclear: String?
    private var unclearRevocation: String?
    /// Files that are there and could not be read.
    private(set) var unreadable: [String] = []

    init(_ server: Settings.Endpoint, files: [String]) {
        bareName = server.host.utf8.map(Self.lowered)
        name = server.port == 22 ? bareName : Array("[".utf8) + bareName + Array("]:\(server.port)".utf8)
        for file in files { read(file) }
    }

    /// A revocation wins, wherever it stands.
    func verdict(on key: [UInt8]) -> Verdict {
        if let line = revoked.first(where: { $0.key == key }) { return .revoked(line) }
        if let unclearRevocation { return .unclear(unclearRevocation) }
        if trusted.contains(where: { $0.key == key }) { return .known }
        if !trusted.isEmpty { return .changed(trusted) }
        if let authority {
            return .unclear(
                "\(authority) trusts a certificate authority (@cert-authority), and certificates of servers are not "
                    + "understood here: add a line with the server's own key as well, or pin it with `host_key`")
        }
        return unclear.map(Verdict.unclear) ?? .unknown
    }

    // MARK: - Reading

    private mutating func read(_ path: String) {
        guard let file = fopen(path, "re") else {
            if errno != ENOENT, errno != ENOTDIR { unreadable.append("\(path): \(PluginError.text(ofErrno: errno))") }
            return
        }
        defer { fclose(file) }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        var number = 0
        while true {
            let count = getline(&line, &capacity, file)
            guard count > 0, let line else { break }
            number += 1
            take(Array(UnsafeRawBufferPointer(start: line, count: count)), "line \(number) of \(path)")
        }
        // A directory opens, and then cannot be read.
        if ferror(file) != 0 { unreadable.append("\(path): \(PluginError.text(ofErrno: errno))") }
    }

    private mutating func take(_ line: [UInt8], _ place: String) {
        var words = line.split { $0 == 0x20 || (0x09...0x0D).contains($0) }[...]
        guard let first = words.first, first.first != UInt8(ascii: "#") else { return }
        var marker = Marker.none
        while let word = words.first, word.first == UInt8(ascii: "@") {
            words.removeFirst()
            marker = Self.marker(word, after: marker)
        }
        guard let names = words.popFirst(), isAbout(names, marker) else { return }
        let key = Self.key(words)
        switch (marker, key) {
        case (.none, .some(let (type, key))): trusted.append(Line(place: place, type: type, key: key))
        case (.revoked, .some(let (type, key))): revoked.append(Line(place: place, type: type, key: key))
        case (.authority, _): authority = authority ?? place
        case (.other(let marker), _): unclear = unclear ?? "\(place) has a marker that is not understood (\(marker))"
        case (.revoked, nil):
            unclearRevocation = unclearRevocation ?? "\(place) revokes a key that cannot be read: correct that line"
        case (.none, nil): unclear = unclear ?? "\(place) has a key that cannot be read: correct that line"
        }
    }

    private static func marker(_ word: ArraySlice<UInt8>, after other: Marker) -> Marker {
        let text = String(decoding: word, as: UTF8.self)
        // A line has at most one marker.
        guard case .none = other else { return .other(text) }
        switch text {
        case "@cert-authority": return .authority
        case "@revoked": return .revoked
        default: return .other(text)
        }
    }

    /// The key's type and its blob, which names the type too; nil if one is malformed, or they do not agree.
    private static func key(_ words: ArraySlice<ArraySlice<UInt8>>) -> (type: String, key: [UInt8])? {
        guard let type = words.first, let text = words.dropFirst().first, let key = decoded(text) else { return nil }
        // A blob is a sequence of SSH strings, of which the first is the type.
        var reader = ByteReader(key, .ssh)
        guard let inner = reader.nextString(), inner.elementsEqual(type), !reader.isAtEnd else { return nil }
        while !reader.isAtEnd { guard reader.nextString() != nil else { return nil } }
        return (String(decoding: type, as: UTF8.self), key)
    }

    // MARK: - Names

    private func isAbout(_ names: ArraySlice<UInt8>, _ marker: Marker) -> Bool {
        if Self.matches(name, names) { return true }
        guard case .revoked = marker, bareName != name else { return false }
        return Self.matches(bareName, names)
    }

    private static func matches(_ name: [UInt8], _ names: ArraySlice<UInt8>) -> Bool {
        if names.first == UInt8(ascii: "|") { return matchesHash(name, names) }
        var isNamed = false
        for pattern in names.split(separator: UInt8(ascii: ",")) {
            let isExclusion = pattern.first == UInt8(ascii: "!")
            guard matchesPattern(name[...], (isExclusion ? pattern.dropFirst() : pattern).map(lowered)[...]) else {
                continue
            }
            // An exclusion wins, whatever else the line names.
            if isExclusion { return false }
            isNamed = true
        }
        return isNamed
    }

    /// With "*" for any bytes and "?" for one.
    private static func matchesPattern(_ name: ArraySlice<UInt8>, _ pattern: ArraySlice<UInt8>) -> Bool {
        var name = name
        var pattern = pattern
        // Where to go on if what follows the last star does not match here. Earlier stars need not be tried again, so
        // the time is not exponential in their number.
        var retry: (name: ArraySlice<UInt8>, pattern: ArraySlice<UInt8>)?
        while let byte = name.first {
            if pattern.first == UInt8(ascii: "*") {
                pattern.removeFirst()
                retry = (name, pattern)
            } else if let wanted = pattern.first, wanted == byte || wanted == UInt8(ascii: "?") {
                name.removeFirst()
                pattern.removeFirst()
            } else if let last = retry {
                name = last.name.dropFirst()
                pattern = last.pattern
                retry = (name, pattern)
            } else {
                return false
            }
        }
        return pattern.allSatisfy { $0 == UInt8(ascii: "*") }
    }

    /// Whether a hashed name is this one. libssh checks that in whole lines only, so it gets some valid key with it.
    private static func matchesHash(_ name: [UInt8], _ hash: ArraySlice<UInt8>) -> Bool {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
        let line = "\(String(decoding: hash, as: UTF8.self)) \(key)"
        var entry: UnsafeMutablePointer<ssh_knownhosts_entry>?
        let code = ssh_known_hosts_parse_line(String(decoding: name, as: UTF8.self), line, &entry)
        if let entry { ssh_knownhosts_entry_free(entry) }
        return code == SSH_OK
    }

    private static func lowered(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte + 0x20 : byte }

    // MARK: - Base 64

    static func decoded(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        var padding = 0
        for byte in text {
            if byte == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            guard padding == 0, let value = sixBits(byte) else { return nil }
            bits = bits << 6 | value
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return padding <= 2 && count < 6 ? bytes : nil
    }

    private static func sixBits(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
