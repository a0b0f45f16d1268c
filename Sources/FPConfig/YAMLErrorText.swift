import CYaml
import FPFormats

/// Puts libyaml's last error into one sentence with its place, and adds what usually is to be done.
struct YAMLErrorText {
    let parser: yaml_parser_t
    let input: UnsafeBufferPointer<UInt8>

    var failure: YAMLFailure {
        let problem = parser.problem.map { String(cString: $0) } ?? "no memory to read the file"
        if parser.error == YAML_READER_ERROR {
            let mark = mark(ofByte: parser.problem_offset)
            return YAMLFailure(mark: mark, message: "\(problem); the file must be plain UTF-8 text")
        }
        let mark = YAMLMark(parser.problem_mark)
        var message = problem
        if let context = parser.context.map({ String(cString: $0) }) {
            message += ", \(context)"
            let start = YAMLMark(parser.context_mark)
            if parser.context_mark.index > 0, start != mark {
                message += " that begins at \(start.line):\(start.column)"
            }
        }
        return YAMLFailure(mark: mark, message: "not valid YAML: \(message)\(advice(problem, at: mark))")
    }

    private func advice(_ problem: String, at mark: YAMLMark) -> String {
        let line = line(mark.line)
        let indentation = line.prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        if indentation.contains(UInt8(ascii: "\t")) {
            return "; a tab indents this line, use spaces"
        }
        if problem.begins(with: "found character that cannot start") {
            return "; put the value in quotes"
        }
        if problem.begins(with: "mapping values are not allowed") {
            return "; put a value that contains \": \" in quotes, and check the indentation"
        }
        if line.contains(UInt8(ascii: "[")), problem.begins(with: "did not find expected") {
            return "; put a value that begins with [, such as \"[::1]:8080\", in quotes"
        }
        return ""
    }

    /// The bytes of a line, counted from 1.
    private func line(_ number: Int) -> Slice<UnsafeBufferPointer<UInt8>> {
        let lines = input.split(
            separator: UInt8(ascii: "\n"),
            maxSplits: number,
            omittingEmptySubsequences: false
        )
        return number <= lines.count ? lines[number - 1] : input.suffix(0)
    }

    /// libyaml names errors of the encoding by the byte, and everything else by line and column.
    private func mark(ofByte offset: Int) -> YAMLMark {
        let before = input.prefix(offset)
        let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let isContinuation = { (byte: UInt8) in byte & 0xC0 == 0x80 }
        return YAMLMark(
            line: before.count { $0 == UInt8(ascii: "\n") } + 1,
            column: before[start...].count { !isContinuation($0) } + 1
        )
    }
}
