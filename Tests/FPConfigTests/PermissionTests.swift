import FPConfig
import FPFormats
import Testing

struct PermissionTests {
    private func permissions(_ line: String) throws -> Settings.Permissions {
        try load("\(oneStore)\(line)").permissions
    }

    @Test func `each endpoint has the rules that the file gives it, and the others have the default`() throws {
        #expect(try permissions("") == Settings.Permissions())
        #expect(try permissions("permissions: open") == Settings.Permissions(standard: [.allowAny]))
        #expect(try permissions("permissions: [IsAuthenticated, IsOwner]").standard == [.isAuthenticated, .isOwner])
        #expect(try permissions("permissions: IsAuthenticated").standard == [.isAuthenticated])
        let given = try permissions(
            """
            permissions:
              default: [IsAuthenticated, IsOwner]
              POST_PROCESS: [HasScope(upload), HasRole( staff ), "FromNetwork(10.0.0.0/8 fd00::/8)"]
              GET_LOAD: AllowAny
              API_READ: [HasScope(urn:example/read)]
            """)
        #expect(given.standard == [.isAuthenticated, .isOwner])
        let blocks = ["10.0.0.0/8", "fd00::/8"].compactMap { AddressBlock($0) }
        #expect(
            given.rules == [
                "POST_PROCESS": [.hasScope("upload"), .hasRole("staff"), .fromNetwork(blocks)],
                "GET_LOAD": [.allowAny], "API_READ": [.hasScope("urn:example/read")],
            ])
    }

    @Test(arguments: [
        ("permissions: Open", #"2:14: "Open" in "permissions.default" is no rule; a rule is AllowAny, "#),
        ("permissions: {default: [open, IsOwner]}", #"2:25: "open" in "permissions.default" is no rule"#),
        ("permissions: {GET_LOAD: [isOwner]}", #"2:26: "isOwner" in "permissions.GET_LOAD" is no rule"#),
        ("permissions: {GET_LOAD: [HasScope]}", #"2:26: "HasScope" in "permissions.GET_LOAD" is no rule"#),
        ("permissions: {GET_LOAD: [HasScope()]}", #""HasScope()" in "permissions.GET_LOAD" names nothing between"#),
        ("permissions: {GET_LOAD: [HasScope(a b)]}", "must name one word of printable ASCII"),
        ("permissions: {GET_LOAD: [FromNetwork(10.0.0.1/8)]}", "has bits set beyond its prefix"),
        ("permissions: {GET_LOAD: [FromNetwork(home)]}", "is not an address or a block"),
        ("permissions: {GET_LOAD: []}", #"2:25: "permissions.GET_LOAD" is empty; write AllowAny if everybody may"#),
        ("permissions: {GET_LOAD: [AllowAny, IsOwner]}", "has AllowAny among other rules"),
        ("permissions: {POST_PROCESS: [IsOwner]}", "an upload that only begins has no owner yet"),
        ("permissions: {GET_LOAT: [AllowAny]}", #"unknown key "GET_LOAT" in "permissions"; did you mean "GET_LOAD"?"#),
        ("permissions: {default: AllowAny}\npermissions: open", "duplicate key"),
    ])
    func `what is no rule is refused with what would be one`(line: String, complaint: String) {
        let found = complaints("\(oneStore)\(line)")
        #expect(found.count == 1 && found[0].contains(complaint), "\(found)")
    }
}
