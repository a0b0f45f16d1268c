/// A text that is one JSON value, looked through from end to end without a tree of it being made.
public struct JSONText: Sendable {
    /// How much a text may hold.
    public struct Limits: Sendable {
        /// How deep arrays and objects may be nested.
        public var depth: Int
        /// How many values it may have, those within arrays and objects included.
        public var values: Int

        /// Limits as given.
        public init(depth: Int, values: Int) {
            self.depth = depth
            self.values = values
        }

        /// Whatever memory holds.
        public static let none = Limits(depth: .max, values: .max)
    }

    /// The text as it came.
    public let text: String
    /// Whether the value is an object.
    public let isObject: Bool

    /// Takes a text that is exactly one value with nothing but white space around it.
    public init(_ text: String, limits: Limits = .none) throws(JSONError) {
        var copy = text
        let outcome = copy.withUTF8 { bytes in
            Result { () throws(JSONError) in
                var lexer = JSONLexer(bytes: bytes)
                return try Self.scan(&lexer, limits)
            }
        }
        isObject = try outcome.get()
        self.text = text
    }

    /// - Returns: Whether the value is an object.
    private static func scan(_ lexer: inout JSONLexer, _ limits: Limits) throws(JSONError) -> Bool {
        /// For each array and object that is open, whether it is an object.
        var open: [Bool] = []
        var values = 0
        lexer.skipSpace()
        let isObject = lexer.peek() == UInt8(ascii: "{")
        while true {
            // A value begins here.
            values += 1
            if values > limits.values { throw lexer.fault("has more than \(limits.values) values", .tooMuch) }
            lexer.skipSpace()
            if let byte = lexer.peek(), byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
                let isObject = byte == UInt8(ascii: "{")
                if open.count >= limits.depth {
                    throw lexer.fault("is nested more than \(limits.depth) deep", .tooMuch)
                }
                lexer.position += 1
                lexer.skipSpace()
                if !lexer.take(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    open.append(isObject)
                    if isObject { try lexer.skipName() }
                    continue
                }
            } else {
                try lexer.skipScalar()
            }
            // A value has ended here, and with it maybe what it is in.
            while let isObject = open.last {
                lexer.skipSpace()
                if lexer.take(UInt8(ascii: ",")) {
                    if isObject { try lexer.skipName() }
                    break
                }
                guard lexer.take(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
                    throw lexer.fault(isObject ? "has an object without an end" : "has an array without an end")
                }
                open.removeLast()
            }
            if open.isEmpty { break }
        }
        lexer.skipSpace()
        guard lexer.peek() == nil else { throw lexer.fault("has something after its end") }
        return isObject
    }
}
