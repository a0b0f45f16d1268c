import CSQLite

/// One connection to a SQLite database, whose statements stay prepared for as long as it lives.
///
/// SQLite's own locks are left out: whoever has the connection uses it on one thread at a time.
final class Connection: @unchecked Sendable {  // It is handed from thread to thread, never shared: see above.
    /// The database file.
    let path: String
    let handle: OpaquePointer
    /// Whether SQLite keeps no statistics, which has to be said before the process's first connection.
    private static let isConfigured = fp_sqlite_keep_no_statistics() == SQLITE_OK
    private var isClosed = false
    private var statements: [UnsafePointer<UInt8>: OpaquePointer] = [:]

    private let patience: Int32

    /// Whether changes keep what each owner has; said before the first of them.
    var keepsOwners = true

    /// Whom changes write events for; said before the first of them.
    var eventReceivers: [EventReceiver] = []

    /// Whether changes write events at all.
    var keepsEvents: Bool { !eventReceivers.isEmpty }

    /// Opens a database that exists.
    /// - Parameter patience: how long to wait for another program that has it locked, in milliseconds.
    init(_ path: String, readOnly: Bool = false, patience: Int32 = 5000) throws {
        _ = Self.isConfigured
        self.path = path
        self.patience = patience
        var handle: OpaquePointer?
        let flags = (readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX
        let code = sqlite3_open_v2(path, &handle, flags, nil)
        guard code == SQLITE_OK, let handle else {
            let error = SQLiteError(handle, code)
            sqlite3_close_v2(handle)
            throw error
        }
        self.handle = handle
        sqlite3_extended_result_codes(handle, 1)
        waitForLocks()
        try execute("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF")
    }

    deinit { close() }

    /// Closes the database, once; whoever still has a reference may not use it. A reference may live for a little
    /// longer than its use, and what comes after the closing must not depend on that.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        for statement in statements.values { sqlite3_finalize(statement) }
        statements = [:]
        sqlite3_close_v2(handle)
    }

    /// How long to wait for another program, in milliseconds; `nil` for as long as the connection was opened with.
    func waitForLocks(atMost patience: Int32? = nil) {
        sqlite3_busy_timeout(handle, patience ?? self.patience)
    }

    /// Whether a transaction is open. SQLite ends one by itself after some errors.
    var isInsideTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    /// How many rows the last statement that changes rows has changed.
    var changesCount: Int { Int(sqlite3_changes64(handle)) }

    /// Runs a text of one or more statements that is not worth keeping.
    func execute(_ script: String) throws {
        let code = sqlite3_exec(handle, script, nil, nil, nil)
        guard code == SQLITE_OK else { throw SQLiteError(handle, code) }
    }

    /// Runs a statement for its effect.
    func run<each Value: SQLValue>(_ sql: StaticString, _ values: repeat each Value) throws {
        let statement = try prepared(sql)
        defer { sqlite3_reset(statement) }
        var index: Int32 = 0
        for value in repeat each values { try bind(value, to: statement, &index) }
        while try step(statement) {}
    }

    /// What `read` makes of the first row that a statement returns. A change with `RETURNING` has run to its end by then.
    func first<each Value: SQLValue, Result>(
        _ sql: StaticString, _ values: repeat each Value, read: (Row) throws -> Result
    ) throws -> Result? {
        let statement = try prepared(sql)
        defer { sqlite3_reset(statement) }
        var index: Int32 = 0
        for value in repeat each values { try bind(value, to: statement, &index) }
        return try step(statement) ? try read(Row(statement: statement)) : nil
    }

    /// Calls `body` with each row that a statement returns.
    func each<each Value: SQLValue>(
        _ sql: StaticString, _ values: repeat each Value, body: (Row) throws -> Void
    ) throws {
        let statement = try prepared(sql)
        defer { sqlite3_reset(statement) }
        var index: Int32 = 0
        for value in repeat each values { try bind(value, to: statement, &index) }
        while try step(statement) { try body(Row(statement: statement)) }
    }

    /// Calls `body` with each row that a statement returns whose text was put together, and which is not kept.
    func each(text sql: String, _ values: [any SQLValue], body: (Row) throws -> Void) throws {
        let statement = try prepare(sql)
        defer { sqlite3_finalize(statement) }
        var index: Int32 = 0
        for value in values { try bind(value, to: statement, &index) }
        while try step(statement) { try body(Row(statement: statement)) }
    }

    /// Lets several statements read one state of the database.
    func inSnapshot<Value>(_ body: () throws -> Value) throws -> Value {
        try run("BEGIN DEFERRED")
        do {
            let value = try body()
            try run("COMMIT")
            return value
        } catch {
            if isInsideTransaction { try? run("ROLLBACK") }
            throw error
        }
    }

    /// Kept by the address of the literal, which costs nothing to look up and is one for each place in the source.
    private func prepared(_ sql: StaticString) throws -> OpaquePointer {
        if let statement = statements[sql.utf8Start] { return statement }
        let statement = try prepare(sql.description)
        statements[sql.utf8Start] = statement
        return statement
    }

    private func prepare(_ sql: String) throws -> OpaquePointer {
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard code == SQLITE_OK, let statement else { throw SQLiteError(handle, code) }
        return statement
    }

    private func bind(_ value: some SQLValue, to statement: OpaquePointer, _ index: inout Int32) throws {
        index += 1
        let code = value.bind(to: statement, at: index)
        guard code == SQLITE_OK else { throw SQLiteError(handle, code) }
    }

    /// Whether there is a row.
    private func step(_ statement: OpaquePointer) throws -> Bool {
        switch sqlite3_step(statement) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code: throw SQLiteError(handle, code)
        }
    }
}

/// What SQLite said when it could not do something.
struct SQLiteError: Error {
    /// The extended result code.
    let code: Int32
    let message: String
    /// What the system said, where that is the reason; otherwise 0.
    let systemError: Int32

    /// The result code without what extends it.
    var primaryCode: Int32 { code & 0xFF }

    /// Whether the database is damaged, or none.
    var isDamage: Bool { [SQLITE_CORRUPT, SQLITE_NOTADB].contains(primaryCode) }

    /// An error of one's own making.
    init(code: Int32, message: String) {
        self.code = code
        self.message = message
        systemError = 0
    }

    /// What just went wrong on a connection, before anything else has run on it.
    init(_ handle: OpaquePointer?, _ code: Int32) {
        self.code = code
        message = String(cString: handle == nil ? sqlite3_errstr(code) : sqlite3_errmsg(handle))
        // For other results, SQLite keeps the reason of some earlier failure.
        let hasReason = [SQLITE_IOERR, SQLITE_CANTOPEN].contains(code & 0xFF)
        systemError = hasReason && handle != nil ? sqlite3_system_errno(handle) : 0
    }
}
