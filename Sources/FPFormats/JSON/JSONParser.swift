extension JSON {
    /// The deepest nesting that is read: enough for any client, too little to exhaust a thread's stack.
    public static let maximumDepth = 64

    /// Reads exactly one value with nothing but white space around it. For bodies known to be small: the tree takes
    /// many times the memory of its text.
    public init(parsing bytes: some Sequence<UInt8>) throws(JSONError) {
        let outcome = Array(bytes).withUnsafeBufferPointer { bytes in
            Result { () throws(JSONError) in
                var parser = JSONParser(lexer: JSONLexer(bytes: bytes))
                return try parser.document()
            }
        }
        self = try outcome.get()
    }
}

private struct JSONParser {
    var lexer: JSONLexer

    mutating func document() throws(JSONError) -> JSON {
        let value = try self.value(depth: 0)
        lexer.skipSpace()
        guard lexer.peek() == nil else { throw lexer.fault("has something after its end") }
        return value
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSON {
        guard depth <= JSON.maximumDepth else {
            throw lexer.fault("is nested more than \(JSON.maximumDepth) deep", .tooMuch)
        }
        lexer.skipSpace()
        switch lexer.peek() {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try lexer.string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return .number(String(decoding: lexer.bytes[try lexer.number()], as: UTF8.self))
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        try lexer.word(word)
        return value
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSON {
        lexer.position += 1
        var members: [JSON.Member] = []
        lexer.skipSpace()
        if lexer.take(UInt8(ascii: "}")) { return .object(members) }
        repeat {
            try lexer.checkName()
            let name = try lexer.string()
            try lexer.colon()
            members.append(JSON.Member(name: name, value: try value(depth: depth + 1)))
            lexer.skipSpace()
        } while lexer.take(UInt8(ascii: ","))
        guard lexer.take(UInt8(ascii: "}")) else { throw lexer.fault("has an object without an end") }
        return .object(members)
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSON {
        lexer.position += 1
        var values: [JSON] = []
        lexer.skipSpace()
        if lexer.take(UInt8(ascii: "]")) { return .array(values) }
        repeat {
            values.append(try value(depth: depth + 1))
            lexer.skipSpace()
        } while lexer.take(UInt8(ascii: ","))
        guard lexer.take(UInt8(ascii: "]")) else { throw lexer.fault("has an array without an end") }
        return .array(values)
    }
}
