import Crypto
import FPFormats
import FPUploads
import Foundation
import Support
import Testing

/// A digest of bytes, as a header field states it.
private struct Statement: CustomTestStringConvertible, Sendable {
    let field: String
    let kind: DigestKind

    var testDescription: String { "\(field) \(kind)" }

    func header(of bytes: [UInt8]) -> (String, String) {
        let digest: [UInt8] =
            switch kind {
            case .sha512: Array(SHA512.hash(data: bytes))
            case .sha256: Array(SHA256.hash(data: bytes))
            case .sha1: Array(Insecure.SHA1.hash(data: bytes))
            case .md5: Array(Insecure.MD5.hash(data: bytes))
            case .crc32c: Self.crc32c(bytes)
            }
        let text = Base64.encoded(digest)
        return switch field {
        case "Content-MD5": (field, text)
        case "Upload-Checksum": (field, "\(kind.tusName) \(text)")
        default: (field, "other=:AA==:, \(kind.fieldKey ?? "")=:\(text):")
        }
    }

    private static func crc32c(_ bytes: [UInt8]) -> [UInt8] {
        var sum = UInt32.max
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 0 ? sum >> 1 : (sum >> 1) ^ 0x82F6_3B78 }
        }
        sum = ~sum
        return withUnsafeBytes(of: sum.bigEndian) { Array($0) }
    }

    static let ofContent = [
        Statement(field: "Content-MD5", kind: .md5), Statement(field: "Content-Digest", kind: .sha256),
        Statement(field: "Content-Digest", kind: .sha512), Statement(field: "Content-Digest", kind: .md5),
        Statement(field: "Content-Digest", kind: .sha1),
    ]

    static let ofChunk = DigestKind.allCases.map { Statement(field: "Upload-Checksum", kind: $0) }
}

@Suite("Digests that clients state")
struct StatedDigestTests {
    /// That an answer says that the bytes are others than those meant, in FilePond's form.
    private func expectMismatch(_ reply: HTTPReply, _ comment: Comment? = nil) {
        #expect(reply.status == 400, comment)
        #expect(reply.text.hasPrefix("{\"detail\": \"The bytes have another "), "\(reply.text)")
    }

    @Test(
        "a chunk counts only with the bytes that were meant, whichever digest says so",
        arguments: Statement.ofContent + Statement.ofChunk)
    fileprivate func chunk(_ statement: Statement) async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(10)
            let headers = { (offset: Int, meant: String) in
                ServerHouse.chunkHeaders(offset, of: 10) + [statement.header(of: Array(meant.utf8))]
            }
            let send = { (offset: Int, meant: String, sent: String) in
                try await house.send("PATCH", "/fp/patch/\(id)", headers(offset, meant), Array(sent.utf8))
            }
            expectMismatch(try await send(0, "0123", "0124"))
            #expect(try await house.send("HEAD", "/fp/patch/\(id)")["upload-offset"] == "0")
            #expect(try await send(0, "0123", "0123").status == 200)
            expectMismatch(try await send(4, "456789", "45678 "), "the last chunk")
            #expect(try await house.send("HEAD", "/fp/patch/\(id)")["upload-offset"] == "4")
            expectMismatch(try await send(0, "0124", "0123"), "a replay")
            #expect(try await house.send("HEAD", "/fp/patch/\(id)")["upload-offset"] == "4")
            #expect(try await send(4, "456789", "456789").status == 200)
            expectMismatch(try await send(4, "45678 ", "456789"), "a replay after the end")
            #expect(try await send(4, "456789", "456789").status == 200)
            expectMismatch(try await send(10, "x", ""), "the empty chunk at the end")
            #expect(try await send(10, "", "").status == 200)
            #expect(try await house.send("GET", "/fp/restore/\(id)").text == "0123456789")
        }
    }

    @Test("a large chunk in the middle that is not the one that was meant leaves the upload where it was")
    func largeChunk() async throws {
        try await ServerHouse.with { house async throws in
            var random = SeededGenerator()
            let chunk = 3 << 20
            let content = random.bytes(3 * chunk)
            let id = try await house.announce(content.count)
            for (start, statement) in zip(stride(from: 0, to: content.count, by: chunk), Statement.ofContent) {
                let bytes = Array(content[start..<start + chunk])
                var others = bytes
                others[Int.random(in: 0..<chunk, using: &random)] ^= 1
                let headers =
                    ServerHouse.chunkHeaders(start, of: content.count) + [statement.header(of: bytes)]
                expectMismatch(
                    try await house.send("PATCH", "/fp/patch/\(id)", headers, others), "seed \(random.seed)")
                #expect(try await house.send("HEAD", "/fp/patch/\(id)")["upload-offset"] == "\(start)")
                #expect(try await house.send("PATCH", "/fp/patch/\(id)", headers, bytes).status == 200)
            }
            #expect(try await house.send("GET", "/fp/restore/\(id)").body == content, "seed \(random.seed)")
        }
    }

    @Test(
        "of a chunk in a form, Content-Digest is the form's, Upload-Checksum and the part's own fields are the file's")
    func chunkInForm() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(4)
            let file = Array("0123".utf8)
            func send(_ part: [(String, String)], _ more: (Form) -> [(String, String)]) async throws -> HTTPReply {
                var form = Form()
                form.add("filepond", file: "chunk", file, fields: part)
                let headers = form.headers + ServerHouse.chunkHeaders(0, of: 4).dropFirst() + more(form)
                return try await house.send("PATCH", "/fp/patch/\(id)", headers, form.body)
            }
            let others = Array("0124".utf8)
            for statement in Statement.ofContent {
                expectMismatch(try await send([]) { _ in [statement.header(of: file)] })
                expectMismatch(try await send([statement.header(of: others)]) { _ in [] })
            }
            for statement in Statement.ofChunk {
                expectMismatch(try await send([]) { _ in [statement.header(of: others)] })
            }
            #expect(try await house.send("HEAD", "/fp/patch/\(id)")["upload-offset"] == "0")
            let own = Statement.ofContent.map { $0.header(of: file) }
            let reply = try await send(own) { form in
                Statement.ofContent.map { $0.header(of: form.body) } + [Statement.ofChunk[0].header(of: file)]
            }
            #expect(reply.status == 200, "\(reply.text)")
            #expect(try await house.send("GET", "/fp/restore/\(id)").text == "0123")
        }
    }

    @Test("a form that is not the one that was meant leaves nothing behind", arguments: Statement.ofContent)
    fileprivate func form(_ statement: Statement) async throws {
        try await ServerHouse.with { house async throws in
            var random = SeededGenerator()
            let files = [random.bytes(100), random.bytes(3 << 20)]
            func send(
                _ parts: [[(String, String)]] = [[], []], text: [(String, String)] = [],
                _ more: (Form) -> [(String, String)] = { _ in [] }
            ) async throws -> HTTPReply {
                var form = Form()
                form.add("filepond", "{}", fields: text)
                for (file, fields) in zip(files, parts) { form.add("filepond", file: "a", file, fields: fields) }
                return try await house.send("POST", "/fp/process/", form.headers + more(form), form.body)
            }
            expectMismatch(try await send { _ in [statement.header(of: files[0])] }, "the form")
            expectMismatch(try await send([[statement.header(of: files[1])], []]), "a small file")
            expectMismatch(try await send([[], [statement.header(of: files[0])]]), "a large file")
            expectMismatch(try await send(text: [statement.header(of: [])]), "a text")
            #expect(house.filesOnDisk() == [])
            let right = files.map { [statement.header(of: $0)] }
            let reply = try await send(right, text: [statement.header(of: Array("{}".utf8))]) {
                [statement.header(of: $0.body)]
            }
            #expect(UploadID(reply.text) != nil, "\(reply.text)")
            #expect(try await house.send("GET", "/fp/restore/\(reply.text)").body == files[0])
        }
    }

    @Test("an announcement without a body has the digest of nothing")
    func announcement() async throws {
        try await ServerHouse.with { house async throws in
            let send = { (content: [UInt8]) in
                try await house.send(
                    "POST", "/fp/process/", [("Upload-Length", "4"), Statement.ofContent[1].header(of: content)])
            }
            expectMismatch(try await send([1]))
            #expect(try await send([]).status == 200)
        }
    }

    @Test(
        "a field that cannot be read is refused before any byte is taken, and says what is wrong",
        arguments: [
            ("Content-Digest", "sha-256=1"), ("Content-Digest", "sha-256=:AAAA:"), ("Content-Digest", "sha-256"),
            ("Content-MD5", "d41d8cd98f00b204e9800998ecf8427e"), ("Upload-Checksum", "sha3 AAAA"),
            ("Upload-Checksum", "sha1 AAAA"),
        ])
    func malformed(_ field: String, _ value: String) async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(4)
            let headers = ServerHouse.chunkHeaders(0, of: 4) + [(field, value)]
            let reply = try await house.send("PATCH", "/fp/patch/\(id)", headers, Array("0123".utf8))
            #expect(reply.status == 400)
            #expect(reply.text.hasPrefix("{\"detail\": \"\(field) "), "\(reply.text)")
            guard field != "Upload-Checksum" else { return }
            var form = Form()
            form.add("filepond", file: "a", [1])
            let other = try await house.send("POST", "/fp/process/", form.headers + [(field, value)], form.body)
            #expect(other.status == 400)
            var inner = Form()
            inner.add("filepond", file: "a", [1], fields: [(field, value)])
            let part = try await house.send("POST", "/fp/process/", inner.headers, inner.body)
            #expect(part.status == 400)
            #expect(part.text.contains("A part's Content-Digest or Content-MD5 "), "\(part.text)")
        }
    }

    @Test("two fields that contradict one another are refused")
    func contradiction() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(4)
            let (one, other) = (Array("0123".utf8), Array("4567".utf8))
            let pairs = [
                (Statement.ofContent[0], Statement.ofContent[3]), (Statement.ofContent[0], Statement.ofChunk[3]),
            ]
            for (first, second) in pairs {
                let headers =
                    ServerHouse.chunkHeaders(0, of: 4) + [first.header(of: one), second.header(of: other)]
                let reply = try await house.send("PATCH", "/fp/patch/\(id)", headers, one)
                #expect(reply.status == 400)
                #expect(reply.text.contains("contradicts"), "\(reply.text)")
            }
        }
    }
}
