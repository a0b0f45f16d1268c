import FPMultipart
import NIOCore
import Support
import Testing

@testable import FPFilePond
@testable import FPHTTP

@Suite("A form that is read while its bytes are written")
struct FormReaderTests {
    /// Texts, line ends and pieces of delimiters: what a search may trip over.
    private static func content(_ random: inout SeededGenerator) -> String {
        let pieces = [
            "--", "-", "\r\n", "\r", "\n--", "\r\n--", "\r\n--b", "b", "text", "", String(repeating: "x", count: 40),
        ]
        return (0..<Int.random(in: 0...12, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
            .joined()
    }

    @Test("each part has the same bytes, whether all, some or none of them are taken early, however the body is cut")
    func takenEarly() async throws {
        var random = SeededGenerator()
        print("forms taken early: FPHOST_TEST_SEED=\(random.seed)")
        for _ in 0..<300 {
            var parts: [String] = []
            var form = ""
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let text = Self.content(&random)
                // Such a text would end its part.
                guard !("\r\n" + text + "\r\n").contains("\r\n--boundary") else { continue }
                parts.append(text)
                form += "--boundary\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\(text)\r\n"
            }
            form += "--boundary--\r\n"
            var buffers: [ByteBuffer] = []
            var rest = Array(form.utf8)[...]
            while !rest.isEmpty {
                let count = Int.random(in: 1...min(rest.count, 50), using: &random)
                buffers.append(ByteBuffer(bytes: rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            let boundary = try MultipartBoundary(contentType: "multipart/form-data; boundary=boundary")
            let reader = FormReader(SlowBody.make(buffers), MultipartParser(boundary: boundary))
            var read: [String] = []
            var isOver = false
            while try await reader.readMore() {
                while let event = try reader.next() {
                    switch event {
                    case .partBegin: read.append("")
                    case .bytes(let piece):
                        #expect(!read.isEmpty)
                        read[read.count - 1] += String(buffer: piece)
                    case .partEnd: break
                    case .end: isOver = true
                    }
                }
                while !read.isEmpty, Bool.random(using: &random), let more = reader.followingBytes() {
                    for piece in more { read[read.count - 1] += String(buffer: piece) }
                }
            }
            try reader.finish()
            #expect(isOver)
            #expect(read == parts, "\(form.debugDescription)")
        }
    }

    @Test("what is wrong behind bytes that were taken early is told by the next event")
    func broken() async throws {
        let form = "--boundary\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\ntext\r\n--boundary!"
        let bytes = Array(form.utf8)
        let buffers = [ByteBuffer(bytes: bytes.prefix(60)), ByteBuffer(bytes: bytes.dropFirst(60))]
        let boundary = try MultipartBoundary(contentType: "multipart/form-data; boundary=boundary")
        let reader = FormReader(SlowBody.make(buffers), MultipartParser(boundary: boundary))
        #expect(try await reader.readMore())
        while try reader.next() != nil {}
        _ = reader.followingBytes()
        #expect(throws: Problem.self) {
            while try reader.next() != nil {}
        }
    }
}

/// A body of which one call brings one buffer.
private enum SlowBody {
    private struct Nobody: BodySource {
        func beginReading() {}
        func resumeReading() {}
    }

    static func make(_ buffers: [ByteBuffer]) -> RequestBody {
        var limits = RequestBody.Limits()
        limits.batch = 1
        let body = RequestBody(expected: nil, limits: limits, budget: BodyBudget(limit: .max), source: Nobody())
        for buffer in buffers { _ = body.receive(buffer) }
        body.finish()
        return body
    }
}
