import Foundation
import Support
import Testing

/// A plugin's table and the values for it are judged by one reader, whichever command asks.
@Suite("Commands that read a plugin's options")
struct OptionAgreementTests {
    /// What `check` makes of a configuration with these options, and `probe` of the same ones behind `-o`.
    private func verdicts(
        _ row: String, _ value: String?
    ) async throws -> (check: CommandResult, probe: CommandResult) {
        let directory = try TemporaryDirectory()
        let path = try await PluginCompiler.compile(
            "Tests/TestPlugins/broken.c", name: "Broken", macros: ["OPTIONS=\(row)"], in: directory)
        let options = value.map { ", options: {a: \"\($0)\"}" } ?? ""
        try """
        server: {listen: 127.0.0.1:0}
        storages_backend: media
        stores:
          staging: {plugin: LocalStore, options: {location: ./data/staging}}
          media: {plugin: \(path)\(options)}
        uploads: {staging: staging}
        catalog: sqlite:./data/fphost.db
        """.write(to: directory.url.appendingPathComponent("fphost.yaml"), atomically: true, encoding: .utf8)
        let check = try await HostProcess.run(["check"], in: directory)
        let given = value.map { ["-o", "a=\($0)"] } ?? []
        return (check, try await HostProcess.run(["plugin", "probe", path] + given, in: directory))
    }

    @Test(
        "a plugin whose own table is at odds with itself is refused by both, for the same reason",
        arguments: [
            (#"OPTION("a",6,0,"5 min")"#, #"it must be a duration such as 500ms, 60s, 5m, 24h or 7d, not "5 min""#),
            (#"OPTION("a",6,0,"0")"#, #"did you mean "0s"?"#),
            (#"OPTION("a",5,0,"10 KiB")"#, #"did you mean "10KiB"?"#),
            (#"OPTION("a",3,0,"007")"#, "must be a whole number without leading zeros"),
            (#"OPTION("a",4,0,"0x1p3")"#, "must be a number such as 0.5"),
            (#"OPTION("a",8,0,"")"#, "is empty"),
            (#"OPTION("a",9,0,"1://x")"#, "must be a URL"),
            (#"OPTION("a",7,0,"c","a|b")"#, "must be a or b"),
            (#"OPTION("a",3,0,"10",0,1,9)"#, "must be from 1 to 9, not 10"),
        ])
    func declarations(row: String, reason: String) async throws {
        let (check, probe) = try await verdicts(row, nil)
        for result in [check, probe] {
            #expect(result.status == 78, "\(result.errors)")
            #expect(result.errors.contains(reason), "\(result.errors)")
        }
    }

    @Test(
        "a value is taken by both or refused by both, for the same reason",
        arguments: [
            (#"OPTION("a",6)"#, "5m", nil), (#"OPTION("a",6)"#, "5 min", #"did you mean "5m"?"#),
            (#"OPTION("a",6)"#, "0", #"did you mean "0s"?"#), (#"OPTION("a",5)"#, "2PB", nil),
            (#"OPTION("a",5)"#, "10 KiB", #"did you mean "10KiB"?"#), (#"OPTION("a",3)"#, "0x10", nil),
            (#"OPTION("a",3)"#, "007", "without leading zeros"), (#"OPTION("a",2)"#, "yes", "true or false"),
            (#"OPTION("a",8)"#, "~root/x", "only ~/ is expanded"), (#"OPTION("a",9)"#, "1://x", "must be a URL"),
            (#"OPTION("a",1)"#, "env:FPHOST_TEST_ABSENT", "FPHOST_TEST_ABSENT"),
            (#"OPTION("a",10)"#, "one", nil),
        ] as [(String, String, String?)])
    func values(row: String, value: String, reason: String?) async throws {
        let (check, probe) = try await verdicts(row, value)
        for result in [check, probe] {
            #expect(result.status == (reason == nil ? 0 : 78), "\(result.errors)")
            if let reason { #expect(result.errors.contains(reason), "\(result.errors)") }
        }
    }
}
