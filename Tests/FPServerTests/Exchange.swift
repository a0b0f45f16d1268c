import FPUploads
import Support
import Testing

/// One row of a table: a request, and the answer that it must get.
///
/// In the target and the body, a word in braces stands for an upload of that kind, made for the row:
/// `{complete}` a temporary upload of *Hello, FilePond!* named hello.txt; `{stored}` the same, stored; `{path}` where it
/// is stored; `{receiving}` an upload of 10 bytes of which the first 4 are there; `{announced}` one of which none are;
/// `{whole}` one of which all are; `{unknown}` an id that nobody has.
struct Exchange: CustomTestStringConvertible, Sendable {
    /// What the body of an answer must be.
    enum Body: Sendable {
        case anything
        case exactly(String)
        /// `{"detail": …}`
        case detail(String)
        /// An id and nothing else.
        case id
    }

    let row: String
    let method: String
    let target: String
    var headers: [(String, String)] = []
    var body: [UInt8] = []
    var status: Int
    /// Headers that the answer must have; `nil` for those that it must not have.
    var answerHeaders: [(String, String?)] = []
    var answer: Body = .anything

    var testDescription: String { "\(row): \(method) \(target)" }

    /// A row without headers and body.
    init(
        _ row: String, _ method: String, _ target: String, _ status: Int,
        _ answerHeaders: [(String, String?)] = [], _ answer: Body = .anything
    ) {
        self.init(row, method, target, [], body: "", status, answerHeaders, answer)
    }

    init(
        _ row: String, _ method: String, _ target: String, _ headers: [(String, String)], body: String = "",
        _ status: Int, _ answerHeaders: [(String, String?)] = [], _ answer: Body = .anything
    ) {
        self.row = row
        self.method = method
        self.target = target
        self.headers = headers
        self.body = Array(body.utf8)
        self.status = status
        self.answerHeaders = answerHeaders
        self.answer = answer
    }

    /// A row whose body is a form.
    init(
        _ row: String, _ method: String = "POST", _ target: String = "/fp/process/", form build: (inout Form) -> Void,
        _ status: Int, _ answer: Body = .anything
    ) {
        self.init(row, method, target, form: build, [], status, answer)
    }

    /// A row whose body is a form, with headers of its own.
    init(
        _ row: String, _ method: String = "POST", _ target: String = "/fp/process/", form build: (inout Form) -> Void,
        _ headers: [(String, String)], _ status: Int, _ answer: Body = .anything
    ) {
        var form = Form()
        build(&form)
        self.init(row, method, target, form.headers + headers, status, [], answer)
        body = form.body
    }

    /// Makes what the row needs, sends the request, and compares.
    func check(on house: ServerHouse) async throws {
        var target = target
        var body = body
        for (word, make) in Self.kinds
        where target.contains(word) || String(decoding: body, as: UTF8.self).contains(word) {
            let value = try await make(house)
            target = target.replacing(word, with: value)
            body = Array(String(decoding: body, as: UTF8.self).replacing(word, with: value).utf8)
        }
        let reply = try await house.send(method, target, headers, body)
        #expect(reply.status == status, "\(testDescription): \(reply.text)")
        for (name, value) in answerHeaders {
            #expect(reply[name.lowercased()] == value, "\(testDescription): \(name)")
        }
        switch answer {
        case .anything: break
        case .exactly(let text): #expect(reply.text == text, "\(testDescription)")
        case .id: #expect(UploadID(reply.text) != nil, "\(testDescription): \(reply.text)")
        case .detail(let sentence):
            #expect(reply.text == "{\"detail\": \"\(sentence)\"}", "\(testDescription)")
            #expect(reply["content-type"] == "application/json", "\(testDescription)")
        }
        if status >= 400 {
            #expect(method == "HEAD" || reply.text.hasPrefix("{\"detail\": \""), "\(testDescription): \(reply.text)")
            #expect(reply["x-content-transfer-id"] == nil)
        }
    }

    private static let kinds: [(String, @Sendable (ServerHouse) async throws -> String)] = [
        ("{complete}", { try await $0.upload() }),
        (
            "{stored}",
            { house async throws in
                let id = try await house.upload()
                try await house.store(id, "docs/\(id).txt")
                return id
            }
        ),
        (
            "{path}",
            { house async throws in
                let id = try await house.upload()
                try await house.store(id, "by path/\(id).txt")
                return "by%20path%2F\(id).txt"
            }
        ),
        (
            "{receiving}",
            { house async throws in
                let id = try await house.announce(10)
                try #require(try await house.patch(id, 0, of: 10, "0123").status == 200)
                return id
            }
        ),
        ("{announced}", { try await $0.announce(10) }),
        (
            "{whole}",
            { house async throws in
                let id = try await house.announce(10)
                try #require(try await house.patch(id, 0, of: 10, "0123456789").status == 200)
                return id
            }
        ),
        ("{unknown}", { _ in UploadID.random().description }),
    ]
}

/// Makes a table row by row, so that the compiler looks at one row at a time.
@resultBuilder
enum TableBuilder {
    static func buildExpression(_ row: Exchange) -> [Exchange] { [row] }
    static func buildExpression(_ rows: [Exchange]) -> [Exchange] { rows }
    static func buildPartialBlock(first: [Exchange]) -> [Exchange] { first }
    static func buildPartialBlock(accumulated: [Exchange], next: [Exchange]) -> [Exchange] { accumulated + next }
}

extension Exchange {
    static func table(@TableBuilder _ rows: () -> [Exchange]) -> [Exchange] { rows() }
}
