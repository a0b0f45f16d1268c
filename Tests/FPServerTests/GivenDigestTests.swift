import Crypto
import FPFormats
import Foundation
import Testing

@Suite("Digests that the host tells")
struct GivenDigestTests {
    private static let content = Array("123456789".utf8)

    @Test("the API tells a whole file's digests, and an unfinished one's are null")
    func members() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload([("a.txt", Self.content), ("b.txt", Array("variant".utf8))])
            let sha256 = SHA256.hash(data: Self.content).map { String(format: "%02x", $0) }.joined()
            for _ in 0..<2 {
                let text = try await house.call("GET", "/api/v1/uploads/\(id)").text
                let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
                let document = try #require(object as? [String: Any])
                #expect(document["sha256"] as? String == sha256)
                #expect(document["crc64nvme"] as? String == "rosUhgp5mIg=", "the specification's check value")
                let files = try #require(document["files"] as? [[String: Any]])
                #expect(files.count == 2 && files[0]["sha256"] as? String == sha256)
                #expect((files[1]["sha256"] as? String).map { $0 != sha256 } == true)
                if document["state"] as? String == "complete" { try await house.store(id, "x/") }
            }
            let begun = try await house.uploads.create(length: 5, metadata: nil).id
            let text = try await house.call("GET", "/api/v1/uploads/\(begun)").text
            #expect(text.contains(#""sha256":null,"crc64nvme":null"#), "\(text)")
        }
    }

    @Test("a download has the digest of the whole file, also with a part of it and without its bytes")
    func field() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload([("a.txt", Self.content)])
            let digest = "sha-256=:\(Base64.encoded(Array(SHA256.hash(data: Self.content)))):"
            for method in ["GET", "HEAD"] {
                for target in ["/fp/restore/\(id)", "/api/v1/uploads/\(id)/content"] {
                    for range in [nil, "bytes=2-4"] {
                        let headers =
                            [("Authorization", "Bearer \(ServerHouse.token)")] + (range.map { [("Range", $0)] } ?? [])
                        let reply = try await house.send(method, target, headers)
                        #expect(reply.status == (range == nil || method == "HEAD" ? 200 : 206))
                        #expect(reply["repr-digest"] == digest, "\(method) \(target)")
                    }
                }
            }
        }
    }
}
