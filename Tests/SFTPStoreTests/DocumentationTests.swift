import FPPluginAPI
import PluginTestKit
import Testing

@Suite("SFTPStore: documentation")
struct DocumentationTests {
    @Test("docs/sftp.md has one row for every option, as the plugin declares it")
    func options() throws {
        let rows = try readFile(repository + "/docs/sftp.md").split(separator: "\n").map(String.init)
        let table = sftpStore.table.pointee
        let expected = (0..<Int(table.n_options)).compactMap { table.options.map(\.self)?[$0] }.map(row)
        #expect(expected.count > 30)
        for row in expected where !rows.contains(row) { Issue.record("docs/sftp.md lacks the row\n\(row)") }
        let documented = rows.drop { $0 != "## Options" }.filter { $0.hasPrefix("| `") }
        #expect(documented.filter { !expected.contains($0) } == [])
    }

    private func row(_ option: fp_option) -> String {
        func text(_ pointer: UnsafePointer<CChar>?) -> String? { pointer.map { String(cString: $0) } }
        let isRequired = option.flags & FP_OPT_REQUIRED != 0
        let fallback = text(option.default_text).flatMap { $0.isEmpty ? nil : $0 }
        let value = isRequired ? "required" : fallback.map { "`\($0)`" } ?? ""
        return "| `\(text(option.key) ?? "")` | \(value) | \(text(option.help) ?? "") |"
    }
}
