import CSQLite

/// What a statement takes and a row gives.
protocol SQLValue {
    /// Gives the value to a statement, which keeps a copy; returns SQLite's result code.
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32

    /// The value of a column that is not NULL.
    init(column index: Int32, of statement: OpaquePointer)
}

/// A row of what a statement returns, until the next one.
struct Row {
    fileprivate let statement: OpaquePointer

    init(statement: OpaquePointer) { self.statement = statement }

    /// A column of which the table's definition says that it is never NULL.
    subscript<Value: SQLValue>(column: Int32) -> Value { Value(column: column, of: statement) }
}

extension Int64: SQLValue {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 { sqlite3_bind_int64(statement, index, self) }

    init(column index: Int32, of statement: OpaquePointer) { self = sqlite3_column_int64(statement, index) }
}

extension Int: SQLValue {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 { Int64(self).bind(to: statement, at: index) }

    init(column index: Int32, of statement: OpaquePointer) { self.init(Int64(column: index, of: statement)) }
}

extension String: SQLValue {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
        var text = self
        return text.withUTF8 { text in
            text.withMemoryRebound(to: CChar.self) { text in
                // Of an empty text there may be no address, which SQLite would take for NULL.
                guard let start = text.baseAddress else { return fp_sqlite_bind_text(statement, index, "", 0) }
                return fp_sqlite_bind_text(statement, index, start, Int32(clamping: text.count))
            }
        }
    }

    init(column index: Int32, of statement: OpaquePointer) {
        let text = UnsafeRawBufferPointer(
            start: sqlite3_column_text(statement, index), count: Int(sqlite3_column_bytes(statement, index)))
        self.init(decoding: text, as: UTF8.self)
    }
}

extension [UInt8]: SQLValue {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
        withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return sqlite3_bind_zeroblob(statement, index, 0) }
            return fp_sqlite_bind_blob(statement, index, start, Int32(clamping: bytes.count))
        }
    }

    init(column index: Int32, of statement: OpaquePointer) {
        // In this order, as SQLite asks for it.
        let start = sqlite3_column_blob(statement, index)
        self.init(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, index))))
    }
}

extension Optional: SQLValue where Wrapped: SQLValue {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
        self?.bind(to: statement, at: index) ?? sqlite3_bind_null(statement, index)
    }

    init(column index: Int32, of statement: OpaquePointer) {
        self =
            sqlite3_column_type(statement, index) == SQLITE_NULL ? nil : Wrapped(column: index, of: statement)
    }
}

extension Timestamp: SQLValue {
    func bind(to statement: OpaquePointer, at index: Int32) -> Int32 { milliseconds.bind(to: statement, at: index) }

    init(column index: Int32, of statement: OpaquePointer) {
        self.init(milliseconds: Int64(column: index, of: statement))
    }
}
