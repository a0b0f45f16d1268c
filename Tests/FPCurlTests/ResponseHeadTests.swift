import Testing

@testable import FPCurl

@Suite struct ResponseHeadTests {
    /// A head that has taken these lines, and what the last one led to.
    private static func head(_ lines: String...) -> (ResponseHead, last: ResponseHead.Progress) {
        var head = ResponseHead()
        var last = ResponseHead.Progress.more
        for line in lines { last = Array((line + "\r\n").utf8).withUnsafeBytes { head.append($0) } }
        return (head, last)
    }

    private static func texts(_ head: ResponseHead, _ name: String) -> [String] {
        head.values(of: name).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test("Fields are found by their names in lower case, each with all of its lines, without white space around")
    func fields() {
        let (head, last) = Self.head("HTTP/1.1 200 OK", "ETag:\t\"1\" ", "VIA: a", "Via:b:c", "Empty:", "no field", "")
        #expect(last.isComplete && head.status == 200)
        #expect(Self.texts(head, "etag") == ["\"1\""])
        #expect(Self.texts(head, "via") == ["a", "b:c"])
        #expect(Self.texts(head, "empty") == [""])
        #expect(Self.texts(head, "no field").isEmpty && head.fields.count == 4)
    }

    @Test("A folded line goes on with the field before it, and with nothing else")
    func folding() {
        let (head, _) = Self.head("HTTP/1.1 200 OK", " lost", "A: b", " c", "\td", "no field", " lost", "")
        #expect(Self.texts(head, "a") == ["b c d"])
        #expect(head.fields.count == 1)
    }

    @Test("Of several heads the final one counts, and trailers do not")
    func interim() {
        let (head, last) = Self.head("HTTP/1.1 103 Early Hints", "A: b", "", "HTTP/1.1 404", "C: d", "", "E: f")
        #expect(!last.isComplete && head.status == 404)
        #expect(head.fields.map(\.name) == ["c"])
    }

    @Test("What is no head is refused", arguments: ["", "FTP/1.1 200", "HTTP/1.1", "HTTP/1.1 20", "HTTP/1.1 099 X"])
    func nonsense(line: String) {
        #expect(Self.head(line).last.isFailed)
    }

    @Test("More than 64 KiB of lines are refused, also as trailers")
    func length() {
        let long = String(repeating: "x", count: 40_000)
        #expect(Self.head("HTTP/1.1 200 OK", "A: \(long)", "B: \(long)").last.isFailed)
        #expect(Self.head("HTTP/1.1 200 OK", "A: \(long)", "", "B: \(long)").last.isFailed)
    }
}

extension ResponseHead.Progress {
    fileprivate var isComplete: Bool { if case .complete = self { true } else { false } }
    fileprivate var isFailed: Bool { if case .failed = self { true } else { false } }
}
