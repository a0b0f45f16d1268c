import CYaml

/// A place in YAML text, counted from 1, columns in characters.
struct YAMLMark: Equatable {
    var line: Int
    var column: Int

    init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    init(_ mark: yaml_mark_t) {
        line = Int(mark.line) + 1
        column = Int(mark.column) + 1
    }
}

/// Why YAML text could not be read any further.
struct YAMLFailure: Error, Equatable {
    var mark: YAMLMark
    var message: String
}

/// One step through a YAML document.
struct YAMLEvent {
    enum Kind: Equatable {
        case streamStart, streamEnd
        case documentStart, documentEnd
        case alias(name: String)
        case scalar(text: String, isPlain: Bool)
        case listStart, listEnd
        case mapStart, mapEnd
    }

    var kind: Kind
    var start: YAMLMark
    var end: YAMLMark
    var anchor: String?
    var tag: String?
}

/// libyaml's events over bytes in memory.
struct YAMLEvents: ~Copyable {
    // libyaml keeps pointers into its own parser struct, so the struct needs a fixed address.
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeBufferPointer<UInt8>

    /// - Parameter input: the text, which has to outlive the reader.
    init(_ input: UnsafeBufferPointer<UInt8>) throws(YAMLFailure) {
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        guard yaml_parser_initialize(parser) == 1 else {
            parser.deallocate()
            throw YAMLFailure(mark: YAMLMark(line: 1, column: 1), message: "no memory to read the file")
        }
        // Otherwise a byte order mark would let in UTF-16, whose positions would mean nothing to an editor.
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, input.baseAddress, input.count)
        self.parser = parser
        self.input = input
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    /// The next event. After an error, and after `.streamEnd`, there is none.
    mutating func next() throws(YAMLFailure) -> YAMLEvent {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else {
            throw YAMLErrorText(parser: parser.pointee, input: input).failure
        }
        defer { yaml_event_delete(&event) }
        return Self.convert(event)
    }

    private static func convert(_ event: yaml_event_t) -> YAMLEvent {
        var anchor: UnsafeMutablePointer<yaml_char_t>?
        var tag: UnsafeMutablePointer<yaml_char_t>?
        let kind: YAMLEvent.Kind
        switch event.type {
        case YAML_STREAM_START_EVENT: kind = .streamStart
        case YAML_DOCUMENT_START_EVENT: kind = .documentStart
        case YAML_DOCUMENT_END_EVENT: kind = .documentEnd
        case YAML_ALIAS_EVENT: kind = .alias(name: string(event.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            (anchor, tag) = (scalar.anchor, scalar.tag)
            let text = String(
                decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            kind = .scalar(text: text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
        case YAML_SEQUENCE_START_EVENT:
            (anchor, tag) = (event.data.sequence_start.anchor, event.data.sequence_start.tag)
            kind = .listStart
        case YAML_SEQUENCE_END_EVENT: kind = .listEnd
        case YAML_MAPPING_START_EVENT:
            (anchor, tag) = (event.data.mapping_start.anchor, event.data.mapping_start.tag)
            kind = .mapStart
        case YAML_MAPPING_END_EVENT: kind = .mapEnd
        default: kind = .streamEnd
        }
        return YAMLEvent(
            kind: kind,
            start: YAMLMark(event.start_mark),
            end: YAMLMark(event.end_mark),
            anchor: string(anchor),
            tag: string(tag)
        )
    }

    private static func string(_ text: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        text.map { String(cString: $0) }
    }
}
