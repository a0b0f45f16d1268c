import FPConfig
import FPFormats
import Testing

struct DocumentationTests {
    @Test func `docs/settings.md has one row for every key that the decoder knows, as the decoder knows it`() throws {
        let rows = try Repository.text("docs/settings.md").split(separator: "\n").map(String.init)
        let expected = Settings.schema.map(row)
        for row in expected where !rows.contains(row) {
            Issue.record("docs/settings.md lacks the row\n\(row)")
        }
        let documented = rows.filter { $0.hasPrefix("| `") && $0.split(separator: "|").count == 4 }
        #expect(documented.filter { !expected.contains($0) } == [])
        #expect(documented.count == Settings.schema.count)
    }

    @Test func `the tables for users of django-drf-filepond name all of its settings and only keys that exist`() throws
    {
        let text = try Repository.text("docs/settings.md")
        let names = [
            "UPLOAD_TMP", "ALLOW_EXTERNAL_UPLOAD_DIR", "DELETE_UPLOAD_TMP_DIRS", "FILE_STORE_PATH", "STORAGES_BACKEND",
            "PERMISSION_CLASSES", "TEMPFILE_READ_CHUNK_SIZE",
        ]
        for name in names {
            #expect(text.contains("| `DJANGO_DRF_FILEPOND_\(name)` |"))
        }
        let known = Set(Settings.schema.map(\.key) + ["stores"])
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| `") && $0.split(separator: "|").count == 2 }
        #expect(rows.count > 40)
        for row in rows {
            // Every other piece between backquotes is code; keys have a dot or stand alone in the table.
            for (index, code) in row.split(separator: "|")[1].split(separator: "`", omittingEmptySubsequences: false)
                .enumerated()
            where index % 2 == 1 && !code.hasPrefix("stores.<name>.options.") {
                #expect(known.contains(String(code)), "\(code) in \(row)")
            }
        }
    }

    @Test func `every key of the host has a help text of one or more whole sentences`() {
        for option in Settings.schema {
            #expect(option.help.hasSuffix("."), "\(option.key)")
            #expect(option.help.first?.isUppercase == true || option.help.hasPrefix("`"), "\(option.key)")
        }
    }

    private func row(_ option: OptionSchema) -> String {
        let fallback = option.defaultText.map { "`\($0)`" } ?? (option.flags.contains(.required) ? "required" : "none")
        return "| `\(option.key)` | \(type(option)) | \(fallback) | \(option.help) |"
    }

    private func type(_ option: OptionSchema) -> String {
        switch option.type {
        case .string, .unknown: "text"
        case .bool: "truth value"
        case .int: "number, \(option.min) to \(option.max)"
        case .float: "number"
        case .size: "size"
        case .duration: "duration"
        case .choice: option.choices.map { "`\($0)`" }.joined(separator: ", ")
        case .path: "path"
        case .url: "URL"
        case .stringList: "list"
        case .stringMap: "map"
        }
    }
}
