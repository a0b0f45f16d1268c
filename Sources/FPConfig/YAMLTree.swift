import FPFormats

/// Builds the tree of nodes from a YAML file, and refuses what a settings file must not have.
///
/// Anchors, aliases, tags and merge keys are refused rather than followed: a file that names each value where it is used
/// is easier to read, and needs no bound on what its aliases expand to.
struct YAMLTree {
    /// The largest file that is read, in bytes; any settings file is much smaller.
    static let largestFile = 1 << 20
    /// The deepest nesting that is read; any settings file is much flatter.
    static let deepestNesting = 64

    private let source: ConfigSource
    private let problems: ProblemLog
    private let end: YAMLMark
    private let expansion: VariableExpansion
    /// Bytes that variables may still add to the file.
    private var expansionBudget = YAMLTree.largestFile
    /// The keys that lead to the node that is being read.
    private var path: [String] = []
    private var depth = 0

    private init(_ text: ArraySlice<UInt8>, source: ConfigSource, problems: ProblemLog) {
        end = Self.end(of: text)
        self.source = source
        self.problems = problems
        expansion = VariableExpansion(environment: source.environment)
    }

    /// The root of the file, or nil if the file could not be read to its end: then the log says why.
    static func read(_ bytes: [UInt8], source: ConfigSource, problems: ProblemLog) -> ConfigNode? {
        guard bytes.count <= largestFile else {
            problems.error(
                at: ConfigPosition(file: source.file),
                "the file is larger than \(Quantity.size.text(Int64(largestFile))); a settings file is much smaller"
            )
            return nil
        }
        let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let text = bytes.starts(with: byteOrderMark) ? bytes.dropFirst(byteOrderMark.count) : bytes[...]
        var tree = YAMLTree(text, source: source, problems: problems)
        do throws(YAMLFailure) {
            return try tree.document(text)
        } catch {
            problems.error(at: tree.position(error.mark), error.message)
            return nil
        }
    }

    private mutating func document(_ text: ArraySlice<UInt8>) throws(YAMLFailure) -> ConfigNode {
        // libyaml refuses a null pointer, which an empty buffer may have.
        guard !text.isEmpty else { return nothing }
        return try text.withUnsafeBufferPointer { (buffer) throws(YAMLFailure) -> ConfigNode in
            var events = try YAMLEvents(buffer)
            return try self.document(&events)
        }
    }

    /// A file without a document in it.
    private var nothing: ConfigNode {
        ConfigNode(content: .map([]), position: source.position(line: 1, column: 1))
    }

    private mutating func document(_ events: inout YAMLEvents) throws(YAMLFailure) -> ConfigNode {
        _ = try events.next()
        guard try events.next().kind == .documentStart else {
            return nothing
        }
        var root = try node(try events.next(), &events)
        if case .null = root.content, !root.isRefused {
            root.content = .map([])
        }
        _ = try events.next()
        let end = try events.next()
        if end.kind == .documentStart {
            problems.error(
                at: position(end.start),
                "a second document begins here; a settings file is one document, so remove the \"---\""
            )
        }
        return root
    }

    private mutating func node(_ event: YAMLEvent, _ events: inout YAMLEvents) throws(YAMLFailure) -> ConfigNode {
        let position = position(event.start)
        if let anchor = event.anchor {
            problems.error(
                at: position,
                "anchors (\(quoted("&" + anchor))) are not supported; write the value out wherever it is used"
            )
        }
        if let tag = event.tag {
            problems.error(at: position, "tags (\(quoted(tag))) are not supported; write the value alone")
        }
        switch event.kind {
        case .scalar(let text, let isPlain):
            return scalar(text, isPlain: isPlain, event)
        case .listStart:
            return ConfigNode(content: .list(try items(&events, from: event.start)), position: position)
        case .mapStart:
            return ConfigNode(content: .map(try members(&events, from: event.start)), position: position)
        case .alias(let name):
            problems.error(
                at: position,
                "aliases (\(quoted("*" + name))) are not supported; write the value out, or put it in quotes if it is text"
            )
        default:
            throw YAMLFailure(mark: event.start, message: "not valid YAML: a value was expected here")
        }
        return ConfigNode(content: .null, position: position, isRefused: true)
    }

    private mutating func items(_ events: inout YAMLEvents, from start: YAMLMark) throws(YAMLFailure) -> [ConfigNode] {
        try descend(start)
        defer { depth -= 1 }
        var items: [ConfigNode] = []
        while true {
            let event = try events.next()
            if event.kind == .listEnd { return items }
            items.append(try node(event, &events))
        }
    }

    private mutating func members(
        _ events: inout YAMLEvents,
        from start: YAMLMark
    ) throws(YAMLFailure) -> [ConfigNode.Member] {
        try descend(start)
        defer { depth -= 1 }
        var members: [ConfigNode.Member] = []
        var firstLines: [TextKey: Int] = [:]
        while true {
            let event = try events.next()
            if event.kind == .mapEnd { return members }
            let key = try key(event, &events)
            path.append(key ?? "")
            let value = try node(try events.next(), &events)
            path.removeLast()
            guard let key else { continue }
            let keyPosition = position(event.start)
            if let line = firstLines[TextKey(key)] {
                problems.error(
                    at: keyPosition,
                    "duplicate key \(quoted(key)) \(place); line \(line) has it already, keep one of them"
                )
            } else {
                firstLines[TextKey(key)] = keyPosition.line
                members.append(ConfigNode.Member(key: key, keyPosition: keyPosition, value: value))
            }
        }
    }

    /// The name of a member, or nil if there is no usable one.
    private mutating func key(_ event: YAMLEvent, _ events: inout YAMLEvents) throws(YAMLFailure) -> String? {
        guard case .scalar(let text, _) = event.kind, event.anchor == nil, event.tag == nil else {
            _ = try node(event, &events)
            if event.kind == .listStart || event.kind == .mapStart {
                problems.error(at: position(event.start), "a key must be a single word, not a list or a map")
            }
            return nil
        }
        if text == "<<" {
            problems.error(at: position(event.start), "merge keys (\"<<\") are not supported; write the keys out")
            return nil
        }
        if text.utf8.contains(0) {
            problems.error(at: position(event.start), "the key \(quoted(text)) contains a NUL character; remove it")
            return nil
        }
        return text
    }

    private mutating func scalar(_ source: String, isPlain: Bool, _ event: YAMLEvent) -> ConfigNode {
        let position = position(event.start)
        if isPlain, ["", "~", "null", "Null", "NULL"].contains(source) {
            return ConfigNode(content: .null, position: position)
        }
        let (text, failures) = expansion.expand(source)
        let firstColumn = failures.isEmpty ? nil : self.firstColumn(of: source, event)
        for failure in failures {
            var place = position
            if let firstColumn {
                place.column = firstColumn + failure.offset
            }
            problems.error(at: place, failure.message)
        }
        var isRefused = !failures.isEmpty
        if text.utf8.contains(0) {
            problems.error(at: position, "the value contains a NUL character; remove it")
            isRefused = true
        }
        expansionBudget -= max(0, text.utf8.count - source.utf8.count)
        if expansionBudget < 0 {
            problems.error(
                at: position,
                "the variables in this file add more than \(Quantity.size.text(Int64(Self.largestFile))) to it"
            )
            // Reported once for the whole file.
            expansionBudget = .max
            isRefused = true
        }
        let reference = SecretReference(source: source, text: text)
        return ConfigNode(
            content: .scalar(ConfigNode.Scalar(text: text, reference: reference)),
            position: position,
            isRefused: isRefused
        )
    }

    /// The column of a value's first character, if each character of it is one of the file: a single line, no escapes.
    private func firstColumn(of text: String, _ event: YAMLEvent) -> Int? {
        let surplus = event.end.column - event.start.column - text.unicodeScalars.count
        guard event.start.line == event.end.line, surplus == 0 || surplus == 2 else { return nil }
        let quote = surplus / 2
        return event.start.column + quote
    }

    private mutating func descend(_ mark: YAMLMark) throws(YAMLFailure) {
        depth += 1
        if depth > Self.deepestNesting {
            throw YAMLFailure(mark: mark, message: "values are nested more than \(Self.deepestNesting) levels deep")
        }
    }

    /// libyaml reports the end of a text without a final newline on a further line, which no editor could show.
    private func position(_ mark: YAMLMark) -> ConfigPosition {
        let mark = mark.line > end.line ? end : mark
        return source.position(line: mark.line, column: mark.column)
    }

    /// The position after the last character, with the line breaks of YAML 1.1 (section 4.2).
    private static func end(of text: ArraySlice<UInt8>) -> YAMLMark {
        var mark = YAMLMark(line: 1, column: 1)
        var last: Unicode.Scalar?
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            switch scalar {
            case "\n" where last == "\r": break
            case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": mark = YAMLMark(line: mark.line + 1, column: 1)
            default: mark.column += 1
            }
            last = scalar
        }
        return mark
    }

    /// Which map is being read, as a part of a complaint.
    private var place: String {
        path.isEmpty ? "at the top level" : "in \(quoted(path.joined(separator: ".")))"
    }
}
