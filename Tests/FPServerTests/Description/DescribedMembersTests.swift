import FPFormats
import FPServer
import Foundation
import Support
import Testing

@Suite("The OpenAPI document and what is answered")
struct DescribedMembersTests {
    @Test("every member of an answer is documented, and every documented one is answered")
    func members() async throws {
        let control = PluginControl()
        var seen: SeenMembers?
        try await ServerHouse.with(sick: ["staging": control], patience: .seconds(30)) { house async throws in
            seen = SeenMembers(try await OpenAPIDocument(of: house))
            func check(_ schema: String, _ method: String, _ target: String, json: String? = nil) async throws {
                let answer = try JSON(parsing: try await house.call(method, target, json: json).body)
                try seen?.check(answer, against: schema)
            }
            let id = try await house.upload([("main.txt", Array("main".utf8)), ("variant.txt", Array("variant".utf8))])
            try await check("Upload", "GET", "/api/v1/uploads/\(id)")
            try await check("Upload", "GET", "/api/v1/uploads/\(house.announce(10))")
            let claim = "{\"path\": \"a/\"}"
            try await check("Upload", "POST", "/api/v1/uploads/\(id)/store", json: claim)
            try await check("UploadPage", "GET", "/api/v1/uploads")
            try await check("Upload", "DELETE", "/api/v1/uploads/\(id)")
            try await check("Problem", "GET", "/api/v1/uploads/\(id)")
            try await check("Detail", "GET", "/fp/load?id=\(id)")
            try await check("Health", "GET", "/healthz")
            for operation in [PluginControl.Operation.writeBegin, .write] { control.fail(operation, 120) }
            var form = Form()
            form.add("filepond", file: "a.bin", [1])
            try await house.send("POST", "/fp/process/", form.headers, form.body)
            try await check("Readiness", "GET", "/readyz")
        }
        try await ServerHouse.with { house async throws in
            let id = try await house.upload()
            try house.damageCatalog()
            try await house.send("POST", "/fp/process/", [("Upload-Length", "5")])
            try await waitFor("the damage to be seen", within: .seconds(20)) {
                try await house.call("GET", "/api/v1/uploads/\(id)").status == 500 ? true : nil
            }
            try seen?.check(JSON(parsing: try await house.send("GET", "/readyz").body), against: "Readiness")
        }
        let schemas = [
            "Upload", "UploadFile", "UploadPage", "Problem", "Detail", "Health", "Readiness", "ReadinessProblem",
        ]
        let unseen = try #require(seen).unseen(of: schemas)
        #expect(unseen == [])
    }

    @Test("the parameters of a listing are those that it knows, and a claim's members are those that it takes")
    func requests() async throws {
        try await ServerHouse.with { house async throws in
            let document = try await OpenAPIDocument(of: house)
            func known(_ reply: HTTPReply) throws -> Set<String> {
                let detail = try #require(try JSON(parsing: reply.body)["detail"]?.string)
                let list = try #require(detail.components(separatedBy: "known are ").last)
                return Set(
                    list.split(separator: ",").map { $0.trimmingCharacters(in: CharacterSet(charactersIn: " \".")) })
            }
            let list = document.root["paths"]?["/api/v1/uploads"]?["parameters"]?.elements ?? []
            #expect(
                Set(list.compactMap { $0["name"]?.string })
                    == (try known(try await house.call("GET", "/api/v1/uploads?x=1"))))
            let id = try await house.upload()
            let claim = try await house.call("POST", "/api/v1/uploads/\(id)/store", json: "{\"path\": \"a\", \"x\": 1}")
            #expect(Set(try document.schema("Claim")["properties"]?.names ?? []) == (try known(claim)))
        }
    }

    @Test("the types of problems are those of the page about the application API")
    func types() async throws {
        try await ServerHouse.with { house async throws in
            let document = try await OpenAPIDocument(of: house)
            let types = try document.schema("Problem")["properties"]?["type"]?["enum"]?.strings ?? []
            let root = URL(fileURLWithPath: #filePath).pathComponents.dropLast(4).joined(separator: "/")
            let page = try String(contentsOfFile: "\(root)/docs/api.md", encoding: .utf8)
            let rows = page.split(separator: "\n").filter { $0.wholeMatch(of: #/\| [45]\d\d \| `.*/#) != nil }
            let codes = rows.flatMap { row in
                row.split(separator: "|")[1].split(separator: ",").map { $0.filter { $0 != "`" && $0 != " " } }
            }
            #expect(Set(types) == Set(codes.map { "urn:fphost:problem:\($0)" }))
        }
    }
}
