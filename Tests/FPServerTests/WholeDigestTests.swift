import Crypto
import FPFormats
import FPUploads
import Foundation
import Support
import Testing

@Suite("Digests of whole files that clients state")
struct WholeDigestTests {
    private static let content = "0123456789"

    /// Of each kind that can be stated of a file.
    private static func digests(of text: String) -> [String] {
        let bytes = Array(text.utf8)
        let all: [(String, [UInt8])] = [
            ("sha-512", Array(SHA512.hash(data: bytes))), ("sha-256", Array(SHA256.hash(data: bytes))),
            ("sha", Array(Insecure.SHA1.hash(data: bytes))), ("md5", Array(Insecure.MD5.hash(data: bytes))),
        ]
        return all.map { "\($0)=:\(Base64.encoded($1)):" }
    }

    private static let right = digests(of: content)
    private static let wrong = digests(of: "0123456780")

    private func expectMismatch(_ reply: HTTPReply) {
        #expect(reply.status == 400)
        #expect(reply.text.hasPrefix("{\"detail\": \"The bytes have another "), "\(reply.text)")
    }

    /// That an upload stands at 0 and nobody gets a byte of it.
    private func expectNothing(of id: String, _ house: ServerHouse) async throws {
        #expect(try await house.send("HEAD", "/fp/patch/\(id)")["upload-offset"] == "0")
        #expect(try await house.send("GET", "/fp/restore/\(id)").status == 404)
        let known = try #require(UploadID(id))
        #expect(try await house.uploads.upload(known)?.state == .receiving)
    }

    private func send(
        _ house: ServerHouse, _ id: String, _ range: Range<Int>, digest: String? = nil
    ) async throws -> HTTPReply {
        let headers = ServerHouse.chunkHeaders(range.lowerBound, of: 10) + (digest.map { [("Repr-Digest", $0)] } ?? [])
        return try await house.send("PATCH", "/fp/patch/\(id)", headers, Array(Array(Self.content.utf8)[range]))
    }

    @Test("a file in chunks that is not the one of its last chunk's Repr-Digest begins again at 0", arguments: 0..<4)
    func lastChunk(kind: Int) async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(10)
            for _ in 0..<2 {
                #expect(try await send(house, id, 0..<4).status == 200)
                expectMismatch(try await send(house, id, 4..<10, digest: Self.wrong[kind]))
                try await expectNothing(of: id, house)
            }
            #expect(try await send(house, id, 0..<4).status == 200)
            #expect(try await send(house, id, 4..<10, digest: Self.right[kind]).status == 200)
            #expect(try await house.send("GET", "/fp/restore/\(id)").text == Self.content)
            expectMismatch(try await send(house, id, 4..<10, digest: Self.wrong[kind]))
            #expect(try await send(house, id, 4..<10, digest: Self.right[kind]).status == 200)
            #expect(try await house.send("GET", "/fp/restore/\(id)").text == Self.content)
        }
    }

    @Test("what an announcement states of the file holds to its end, and no chunk may contradict it", arguments: 0..<4)
    func announcement(kind: Int) async throws {
        try await ServerHouse.with { house async throws in
            func announce(_ digest: String, inForm: Bool) async throws -> String {
                var form = Form()
                form.add("filepond", "{}")
                if inForm { form.add("fp_digest", digest) }
                let headers = form.headers + [("Upload-Length", "10")] + (inForm ? [] : [("Repr-Digest", digest)])
                return try await house.send("POST", "/fp/process/", headers, form.body).text
            }
            for inForm in [false, true] {
                let bad = try await announce(Self.wrong[kind], inForm: inForm)
                expectMismatch(try await send(house, bad, 0..<10))
                try await expectNothing(of: bad, house)
                let contradiction = try await send(house, bad, 0..<4, digest: Self.right[kind])
                #expect(contradiction.status == 400)
                #expect(contradiction.text.contains("another than was stated when the upload began"))
                let good = try await announce(Self.right[kind], inForm: inForm)
                #expect(try await send(house, good, 0..<4, digest: Self.right[kind]).status == 200)
                #expect(try await send(house, good, 4..<10).status == 200)
                #expect(try await house.send("GET", "/fp/restore/\(good)").text == Self.content)
            }
            // Without a body at all.
            let bare = try await house.send(
                "POST", "/fp/process/", [("Upload-Length", "10"), ("Repr-Digest", Self.wrong[kind])])
            expectMismatch(try await send(house, bare.text, 0..<10))
        }
    }

    @Test("a file without bytes is compared too")
    func emptyFile() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.announce(0)
            let send = { (digest: String) in
                try await house.send(
                    "PATCH", "/fp/patch/\(id)", ServerHouse.chunkHeaders(0, of: 0) + [("Repr-Digest", digest)])
            }
            expectMismatch(try await send(Self.right[0]))
            #expect(try await send(Self.digests(of: "")[0]).status == 200)
            expectMismatch(try await send(Self.right[0]))
        }
    }

    @Test("fp_digest is of a form's main file, before and behind it, and leaves nothing of another", arguments: 0..<4)
    func form(kind: Int) async throws {
        try await ServerHouse.with { house async throws in
            func send(_ digest: String, isFirst: Bool) async throws -> HTTPReply {
                var form = Form()
                if isFirst { form.add("fp_digest", digest) }
                form.add("filepond", "{}")
                form.add("filepond", file: "a", Array(Self.content.utf8))
                form.add("filepond", file: "b", Array("variant".utf8))
                if !isFirst { form.add("fp_digest", digest) }
                return try await house.send("POST", "/fp/process/", form.headers, form.body)
            }
            for isFirst in [true, false] {
                expectMismatch(try await send(Self.wrong[kind], isFirst: isFirst))
                expectMismatch(try await send(Self.digests(of: "variant")[kind], isFirst: isFirst))
                #expect(house.filesOnDisk() == [])
                let reply = try await send(Self.right[kind], isFirst: isFirst)
                #expect(UploadID(reply.text) != nil, "\(reply.text)")
                #expect(try await house.send("DELETE", "/fp/revert/", [], Array(reply.text.utf8)).status == 204)
            }
        }
    }

    @Test("fp_digest may be a SHA-256 in hexadecimal; what is no digest, or one too many, is refused")
    func formField() async throws {
        try await ServerHouse.with { house async throws in
            func send(_ digests: String...) async throws -> HTTPReply {
                var form = Form()
                for digest in digests { form.add("fp_digest", digest) }
                form.add("filepond", file: "a", Array(Self.content.utf8))
                return try await house.send("POST", "/fp/process/", form.headers, form.body)
            }
            let hex = SHA256.hash(data: Data(Self.content.utf8)).map { String(format: "%02x", $0) }.joined()
            #expect(try await send(hex).status == 200)
            expectMismatch(try await send(String(hex.reversed())))
            let count = house.filesOnDisk().count
            for digests in [["x"], [hex, hex]] {
                let reply = digests.count == 1 ? try await send(digests[0]) : try await send(digests[0], digests[1])
                #expect(reply.status == 400)
                #expect(reply.text.contains("fp_digest"), "\(reply.text)")
            }
            #expect(house.filesOnDisk().count == count)
        }
    }

    @Test("Repr-Digest of a form that announces nothing is the form's")
    func formRepresentation() async throws {
        try await ServerHouse.with { house async throws in
            var form = Form()
            form.add("filepond", file: "a", Array(Self.content.utf8))
            let send = { (digest: String) in
                try await house.send("POST", "/fp/process/", form.headers + [("Repr-Digest", digest)], form.body)
            }
            expectMismatch(try await send(Self.right[1]))
            #expect(try await send(Self.digests(of: String(decoding: form.body, as: UTF8.self))[1]).status == 200)
        }
    }
}
