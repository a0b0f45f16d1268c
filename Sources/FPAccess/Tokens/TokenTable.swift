import FPFormats

/// The bearer tokens of a file.
public struct TokenTable: Sendable {
    /// A line of the file: a token, or the operator's own words behind a `#`.
    private enum Line {
        case token(TokenRecord)
        case words(String)
    }

    /// The most bytes of a file: thousands of tokens, which are read in a few milliseconds.
    static let largest = 1 << 20
    private static let heading = "# id, SHA-256 of the token, owner, scopes, created, expires, note; see `fphost token`"

    private var lines: [Line] = [.words(heading)]
    private var places: [String: Int] = [:]

    init() {}

    /// Reads a file's content.
    /// - Throws: ``AccessFileError`` with the line that is none, or that has the id of another one.
    init(_ bytes: [UInt8], path: String) throws(AccessFileError) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw AccessFileError(path, "is not UTF-8 text")
        }
        lines = []
        for (index, line) in text.parts(at: "\n").enumerated() {
            if line.isEmpty || line.begins(with: "#") {
                lines.append(.words(String(line)))
            } else if let record = TokenRecord(line: line) {
                guard places[record.id] == nil else {
                    throw AccessFileError(path, line: index + 1, "has the id of another line, \(record.id); remove one")
                }
                places[record.id] = lines.count
                lines.append(.token(record))
            } else {
                throw AccessFileError(
                    path, line: index + 1,
                    "is no token's; a line has seven fields with tabs between them, as `fphost token new` writes it")
            }
        }
        // What is behind the last line's end is no line.
        if case .words("") = lines.last { lines.removeLast() }
    }

    /// All tokens, in the order of the file.
    public var records: [TokenRecord] {
        lines.compactMap { if case .token(let record) = $0 { record } else { nil } }
    }

    /// The token of that id.
    public subscript(id: String) -> TokenRecord? {
        guard let place = places[id], case .token(let record) = lines[place] else { return nil }
        return record
    }

    /// Adds a token.
    /// - Returns: false if there is one with its id.
    mutating func add(_ record: TokenRecord) -> Bool {
        guard places[record.id] == nil else { return false }
        places[record.id] = lines.count
        lines.append(.token(record))
        return true
    }

    /// Removes the token of that id.
    /// - Returns: what was there.
    mutating func remove(_ id: String) -> TokenRecord? {
        guard let place = places[id], let record = self[id] else { return nil }
        lines.remove(at: place)
        places[id] = nil
        for (other, index) in places where index > place { places[other] = index - 1 }
        return record
    }

    /// The file's content.
    var bytes: [UInt8] {
        lines.flatMap { line in
            switch line {
            case .token(let record): Array("\(record.line)\n".utf8)
            case .words(let text): Array("\(text)\n".utf8)
            }
        }
    }
}
