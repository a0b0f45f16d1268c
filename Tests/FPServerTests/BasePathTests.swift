import FPHTTP
import FPServer
import Testing

@Suite("Base paths")
struct BasePathTests {
    @Test("any plain path is a base path, and a final slash means nothing")
    func plain() throws {
        for (text, path) in [
            ("/", "/"), ("/fp/", "/fp"), ("fp", "/fp"), ("/a/b.c-d_e~", "/a/b.c-d_e~"), ("/apis/api", "/apis/api"),
        ] {
            #expect(try BasePath(text).description == path)
        }
    }

    @Test(
        "what would need escaping, or has an empty part, is refused",
        arguments: ["//", "/a//b", "/a b", "/é", "/..", "/a?b"])
    func refused(_ text: String) {
        #expect(throws: BasePath.Invalid.self) { try BasePath(text) }
    }

    @Test(
        "what begins with another mount's name is refused, whether it is switched on or not",
        arguments: ["/api", "/api/v2", "/demo", "/demo/x", "/healthz", "/healthz/x", "/readyz"])
    func reserved(_ text: String) {
        let name = text.split(separator: "/")[0]
        #expect {
            try BasePath(text)
        } throws: {
            "\($0)" == "/\(name) is an address of the host's own; choose another base path"
        }
    }

    @Test("so is what begins with the name of an additional mount")
    func additional() throws {
        #expect(try BasePath("/waiting").description == "/waiting")
        #expect(throws: BasePath.Invalid.self) { try BasePath("/waiting", beside: [WaitingUploads.line]) }
    }
}
