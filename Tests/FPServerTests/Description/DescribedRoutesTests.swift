import FPAPI
import FPFormats
import HTTPTypes
import Support
import Testing

@testable import FPFilePond
@testable import FPServer

@Suite("The OpenAPI document and the addresses that there are")
struct DescribedRoutesTests {
    /// A path with something in the place of each name: an id that nobody has, unless it is known.
    private func filled(_ path: String, id: String = "aaaaaaaaaaaaaaaaaaaaaa") -> String {
        [("{id}", id), ("{source}", id), ("{n}", "0"), ("{target}", "http%3A%2F%2F127.0.0.1%3A1%2F")].reduce(path) {
            $0.replacing($1.0, with: $1.1)
        }
    }

    @Test("every address that has a mount, an endpoint or an operation is in the document, with its methods")
    func complete() async throws {
        try await ServerHouse.with { house async throws in
            let document = try await OpenAPIDocument(of: house)
            func expect(_ path: String, _ methods: [HTTPRequest.Method]) {
                let expected = Set(methods.map { $0.rawValue.lowercased() })
                #expect(Set(document.methods(of: path)) == expected, "\(path)")
            }
            expect("/fp", FilePondRoute.allMethods)
            for endpoint in FilePondRoute.Endpoint.allCases { expect("/fp/\(endpoint.rawValue)", endpoint.methods) }
            for address in UploadAddress.allCases { expect("/api/v1/uploads\(address.rawValue)", address.methods) }
            // The demo is for trying fphost out, and no part of what it promises.
            let mounted = Set(MountTable.lines.compactMap(\.reservedName)).subtracting(["", "demo"])
            let described = Set(document.paths.map { String($0.split(separator: "/")[0]) })
            #expect(described == mounted.union(["fp"]))
        }
    }

    @Test("every path that is documented has the methods that are documented, and no others")
    func exact() async throws {
        try await ServerHouse.with { house async throws in
            let document = try await OpenAPIDocument(of: house)
            #expect(document.paths.count > 15)
            for path in document.paths {
                let allow = try #require(try await house.call("OPTIONS", filled(path))["allow"], "\(path)")
                let methods = allow.split(separator: ",").map { $0.trimmingBlanks().asciiLowercased() }
                #expect(Set(methods).subtracting(["options"]) == Set(document.methods(of: path)), "\(path)")
            }
        }
    }

    @Test("every operation is answered with a status that is documented for it, and is not unknown")
    func answered() async throws {
        try await ServerHouse.with(fetches: true) { house async throws in
            let document = try await OpenAPIDocument(of: house)
            for path in document.paths {
                for method in document.methods(of: path) {
                    let id = try await house.upload()
                    let reply = try await house.call(
                        method.uppercased(), filled(path, id: id), json: "{\"path\": \"\(id)\"}")
                    #expect(
                        document.statuses(path, method).contains(reply.status), "\(method) \(path): \(reply.status)")
                    #expect(reply.status != 405 && !reply.text.contains("nothing at this address"), "\(method) \(path)")
                }
            }
        }
    }
}
