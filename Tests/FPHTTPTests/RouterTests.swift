import FPHTTP
import HTTPTypes
import Testing

@Suite("Mounts")
struct RouterTests {
    /// Says its name, what of the path is left to it, and who calls.
    private struct Echo: Mount {
        let name: String
        var needs = Access.anyone
        var taking: HTTPField.Name?
        var methods: [HTTPRequest.Method] = [.get]
        var exposedFields: [HTTPField.Name] = []

        func takes(_ request: Request, rest: ArraySlice<String>) -> Bool {
            taking.map { request.headers.contains($0) } ?? true
        }

        var accesses: [Access] { [needs] }

        func action(for request: Request, rest: ArraySlice<String>) -> Action {
            struct Unforeseen: Error {}
            return Action(for: needs) { caller in
                if rest.last == "fails" { throw Unforeseen() }
                if rest.last == "truncated" { throw BodyError.tooSlow }
                return .text(.ok, "\(name) \(Array(rest)) \(caller.kind)")
            }
        }
    }

    private func withRouter(
        _ table: [Route], log: LogBook = LogBook(),
        _ work: (RawClient) async throws -> Void
    ) async throws {
        let router = Router(
            table, gatekeeper: Gatekeeper([], permissions: Permissions([:])), elsewhere: .detail, logger: log.logger)
        try await withServer(handler: router) { try await work(try await RawClient.connect(to: $0)) }
    }

    @Test("a request goes to the mount with the longest path that its own begins with, whatever the order")
    func longest() async throws {
        let table = [
            Route(.below(), Echo(name: "root")), Route(.below("a"), Echo(name: "a")),
            Route(.below("a", "b"), Echo(name: "ab")), Route(.exactly("a", "b", "c"), Echo(name: "abc")),
            Route(.exactly(""), Echo(name: "page")),
        ]
        for table in [table, table.reversed()] {
            try await withRouter(table) { client async throws in
                for (path, answer) in [
                    ("/", "page []"), ("/x/y", "root [\"x\", \"y\"]"), ("/a", "a []"), ("/a/", "a [\"\"]"),
                    ("/a/bb", "a [\"bb\"]"), ("/a/b/x", "ab [\"x\"]"), ("/a/b/c", "abc []"),
                    ("/a/b/c/", "ab [\"c\", \"\"]"), ("/a/b/c/d", "ab [\"c\", \"d\"]"), ("/%61", "a []"),
                    ("/A", "root [\"A\"]"), ("/a%2Fb", "root [\"a/b\"]"), ("//a", "root [\"\", \"a\"]"),
                ] {
                    #expect(try await client.exchange(get(path)).text == "\(answer) nobody", "\(path)")
                }
            }
        }
    }

    @Test("mounts at one path are told apart by the request; the first in the table that takes it answers")
    func shared() async throws {
        let table = [
            Route(.below("up"), Echo(name: "tus", taking: HTTPField.Name("Tus-Resumable"))),
            Route(.below("up"), Echo(name: "other", taking: HTTPField.Name("Upload-Complete"))),
            Route(.below("up"), Echo(name: "rest")),
        ]
        try await withRouter(table) { client async throws in
            for (fields, name) in [
                ("", "rest"), ("Upload-Complete: ?1\r\n", "other"), ("Tus-Resumable: 1.0.0\r\n", "tus"),
                ("Upload-Complete: ?1\r\nTus-Resumable: 1.0.0\r\n", "tus"),
            ] {
                #expect(try await client.exchange(get("/up/x", fields)).text == "\(name) [\"x\"] nobody")
            }
        }
    }

    @Test("the methods and exposed fields of a table are those of its mounts, once each, in its order")
    func crossOrigin() {
        let router = Router(
            [
                Route(.below("a"), Echo(name: "a", methods: [.put, .options, .get], exposedFields: [.eTag, .age])),
                Route(.below("b"), Echo(name: "b", methods: [.get, .post], exposedFields: [.age, .location])),
            ], gatekeeper: Gatekeeper([], permissions: Permissions([:])), elsewhere: .detail, logger: LogBook().logger)
        #expect(router.methods == [.put, .get, .post, .options])
        #expect(router.exposedFields == [.eTag, .age, .location])
    }

    @Test("an error is worded by its mount; what nobody foresaw is told to the log only")
    func errors() async throws {
        let log = LogBook()
        try await withRouter([Route(.below("a"), Echo(name: "a"))], log: log) { client async throws in
            let slow = try await client.exchange(get("/a/truncated"))
            #expect(slow.status == 408)
            #expect(slow["Content-Type"] == "application/problem+json")
            let failed = try await client.exchange(get("/a/fails"))
            #expect(failed.status == 500)
            #expect(!failed.text.contains("Unforeseen"))
            #expect(log.lines.value.contains { $0.hasPrefix("error GET /a/fails") && $0.contains("Unforeseen") })
            let elsewhere = try await client.exchange(get("/b"))
            #expect(elsewhere.status == 404)
            #expect(elsewhere.text == "{\"detail\": \"There is nothing at this address.\"}")
        }
    }
}
