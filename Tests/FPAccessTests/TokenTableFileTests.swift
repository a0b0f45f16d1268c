import FPAccess
import Foundation
import Logging
import Support
import Testing

@Suite struct TokenTableFileTests {
    private let directory: TemporaryDirectory
    private let file: TokenTableFile

    init() throws {
        directory = try TemporaryDirectory()
        file = TokenTableFile(directory.url.appendingPathComponent("data/tokens").path)
    }

    private static func record(_ token: AccessToken, _ owner: String? = "bob", note: String = "") throws -> TokenRecord
    {
        try TokenRecord(token, owner: owner, scopes: ["upload"], created: 1_800_000_000_000, expires: nil, note: note)
    }

    private func write(_ text: String) throws {
        try FileManager.default.createDirectory(
            atPath: directory.url.appendingPathComponent("data").path, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: file.path))
        try #require(chmod(file.path, 0o600) == 0)
    }

    private var text: String {
        get throws { String(decoding: try directory.contents("data/tokens"), as: UTF8.self) }
    }

    @Test func `a token has the form that scanners look for, and the file has a line for it without it`() throws {
        let token = try file.add { try Self.record($0, "Zoë the 2nd", note: "CI") }
        #expect(token.text.wholeMatch(of: /fp_[a-z0-9]{10}_[A-Za-z0-9_-]{43}/) != nil, "\(token.text)")
        let written = try text
        let line = try #require(written.split(separator: "\n").last)
        #expect(
            line.hasPrefix("\(token.id)\t") && line.hasSuffix("\tZoë the 2nd\tupload\t2027-01-15T08:00:00.000Z\t-\tCI"))
        #expect(!written.contains(token.text.suffix(43)))
        #expect(!"\(token)".contains(token.text.suffix(43)))
        let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let records = try file.table().records
        #expect(records.map(\.owner) == ["Zoë the 2nd"])
    }

    @Test func `many changes at once lose nothing`() async throws {
        let old = try file.add { try Self.record($0) }
        let made = try await withThrowingTaskGroup(of: String.self) { group in
            for number in 0..<16 {
                group.addTask { [file] in
                    try await onThread { try file.add { try Self.record($0, "user \(number)") }.id }
                }
            }
            group.addTask { [file] in try await onThread { try file.revoke(old.id)?.id ?? "" } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        let ids = Set(try file.table().records.map(\.id))
        #expect(ids == made.subtracting([old.id]))
        #expect(ids.count == 16)
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.url.path + "/data").sorted()
        #expect(names == ["tokens", "tokens.lock"])
    }

    @Test func `the operator's own lines stay, and a link to the file stays one`() throws {
        try write("# ours\n\n")
        let link = directory.url.appendingPathComponent("link").path
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: file.path)
        let first = try TokenTableFile(link).add { try Self.record($0) }
        let second = try file.add { try Self.record($0) }
        #expect(try TokenTableFile(link).revoke(first.id)?.id == first.id)
        #expect(try text.hasPrefix("# ours\n\n\(second.id)\t"))
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == file.path)
        #expect(try file.revoke(first.id) == nil)
    }

    @Test func `what is no line of a token is refused with its number`() throws {
        let good = try file.add { try Self.record($0) }
        let line = try #require(try text.split(separator: "\n").last)
        let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        func changed(_ place: Int, _ text: String) -> String {
            var fields = fields
            fields[place] = text
            return fields.joined(separator: "\t")
        }
        let broken = [
            "x", String(line.dropLast()), changed(0, "short"), changed(0, "ABCDEFGHIJ"), changed(1, "00"),
            changed(1, String(repeating: "g", count: 64)), changed(2, ""), changed(2, "a\u{7}"), changed(3, ""),
            changed(3, "a  b"), changed(3, "a\"b"), changed(4, "now"), changed(5, ""), changed(6, "a\tb"),
        ]
        for text in broken {
            try write("#\n\(text)\n")
            let error = try #require(throws: AccessFileError.self, "\(text)") { try file.table() }
            #expect(error.description.contains("line 2"), "\(text): \(error)")
            #expect(!error.description.contains(fields[1]))
        }
        try write("\(line)\n#\n\(line)\n")
        #expect(throws: AccessFileError.self) { try file.table() }
        try write("\(line)")
        #expect(try file.table()[good.id] != nil)
    }

    @Test func `a line that is broken at random is refused or says something, and nothing crashes`() throws {
        var random = SeededGenerator()
        _ = try file.add { try Self.record($0) }
        let good = try directory.contents("data/tokens")
        for _ in 0..<500 {
            var bytes = good
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            try Data(bytes).write(to: URL(fileURLWithPath: file.path))
            do {
                #expect(try file.table().records.count <= 1, "seed \(random.seed)")
            } catch {
                #expect(error.description.contains(file.path), "seed \(random.seed)")
            }
        }
    }

    @Test func `a file that anybody may change is refused, and so is what is no file`() throws {
        _ = try file.add { try Self.record($0) }
        try #require(chmod(file.path, 0o666) == 0)
        let error = try #require(throws: AccessFileError.self) { try file.table() }
        #expect(error.description.contains("chmod 600"))
        #expect(throws: AccessFileError.self) { try file.add { try Self.record($0) } }
        #expect(throws: AccessFileError.self) { try TokenTableFile(directory.url.path).table() }
        try #require(chmod(file.path, 0o600) == 0)
        #expect(try file.table().records.count == 1)
    }

    @Test(.enabled(if: geteuid() == 0)) func `what root finds in the lock's place is not given away`() throws {
        _ = try file.add { try Self.record($0) }
        let user = uid_t(65_534)
        let (folder, lock) = (directory.url.path + "/data", file.path + ".lock")
        for path in [folder, file.path] { try #require(chown(path, user, user) == 0) }
        func owner(_ path: String) throws -> uid_t {
            var status = stat()
            try #require(stat(path, &status) == 0)
            return status.st_uid
        }
        let secret = directory.url.appendingPathComponent("secret").path
        try Data("root's".utf8).write(to: URL(fileURLWithPath: secret))
        try #require(unlink(lock) == 0 && link(secret, lock) == 0)
        _ = try file.add { try Self.record($0) }
        #expect(try owner(secret) == 0)
        try #require(unlink(lock) == 0)
        _ = try file.add { try Self.record($0) }
        #expect(try owner(lock) == user)
        #expect(try owner(file.path) == user)
    }

    @Test func `texts that a line cannot hold are refused`() throws {
        for owner in ["", "-", "a\tb", "a\nb", "a\u{85}b", String(repeating: "x", count: 256)] {
            #expect(throws: TokenRecord.Invalid.self) { try file.add { try Self.record($0, owner) } }
        }
        for scopes in [[""], ["-"], ["a b"], ["ü"], ["a\"b"]] {
            #expect(throws: TokenRecord.Invalid.self) {
                try file.add {
                    try TokenRecord($0, owner: nil, scopes: scopes, created: 0, expires: nil, note: "")
                }
            }
        }
        #expect(throws: TokenRecord.Invalid.self) { try file.add { try Self.record($0, note: "a\nb") } }
        #expect(try file.table().records.isEmpty)
    }
}
