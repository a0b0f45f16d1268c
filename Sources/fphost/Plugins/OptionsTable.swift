/// A plugin's options as a Markdown table for its manual.
struct OptionsTable {
    private let report: PluginReport

    init(_ report: PluginReport) {
        self.report = report
    }

    /// The table, with a heading and the plugin's own words about itself.
    var text: String {
        var lines = ["# \(report.name) \(report.version)", ""]
        if !report.summary.isEmpty { lines += [Self.cell(report.summary), ""] }
        if report.options.isEmpty { return (lines + ["It has no options."]).joined(separator: "\n") }
        lines += ["| option | type | default | what it is for |", "|---|---|---|---|"]
        lines += report.options.map { option in
            let columns = [
                "`\(option.key)`", Self.cell(Self.type(of: option)), Self.cell(Self.initial(option)),
                Self.cell(option.help),
            ]
            return "| " + columns.joined(separator: " | ") + " |"
        }
        return lines.joined(separator: "\n")
    }

    private static func type(of option: PluginReport.Option) -> String {
        var words = [option.choices.isEmpty ? option.type : option.choices.joined(separator: ", ")]
        if !option.range.isEmpty { words.append(option.range) }
        if option.secret { words.append("secret") }
        if option.advanced { words.append("advanced") }
        if option.deprecated { words.append("deprecated") }
        return words.joined(separator: "; ")
    }

    private static func initial(_ option: PluginReport.Option) -> String {
        if option.required { return "required" }
        guard let text = option.default else { return "" }
        return text.isEmpty ? "empty" : "`\(text)`"
    }

    /// A text that cannot break out of its cell.
    private static func cell(_ text: String) -> String {
        text.replacing("\n", with: " ").replacing("|", with: #"\|"#)
    }
}
