import GRDB
import GRDBSQLite
import Glibc

extension CatalogError {
    /// Turns what SQLite said into what its operator should do.
    /// - Parameter db: the connection that failed, while nothing else has run on it: it knows the system's reason.
    init(_ error: any Error, catalog path: String, db: Database? = nil) {
        if let error = error as? CatalogError {
            self = error
            return
        }
        guard let error = error as? DatabaseError else {
            self = .failed("The catalog \(path) failed: \(error).")
            return
        }
        // For other results, SQLite keeps the reason of some earlier failure.
        let hasReason = error.resultCode == .SQLITE_IOERR || error.resultCode == .SQLITE_CANTOPEN
        let reason = hasReason ? db.map { sqlite3_system_errno($0.sqliteConnection) } ?? 0 : 0
        let said = error.message ?? "error \(error.extendedResultCode.rawValue)"
        let cause = reason == 0 ? said : "\(said): \(describe(errno: reason))"
        let isFull = error.resultCode == .SQLITE_FULL || reason == ENOSPC || reason == EDQUOT
        switch error.resultCode {
        case _ where isFull:
            self = .full(
                "The catalog \(path) cannot grow (\(cause)). Free some space on its disk, or raise its quota; nothing "
                    + "else is needed."
            )
        case .SQLITE_IOERR:
            self = .failed(
                "The catalog \(path) cannot be read or written (\(cause)). Check its disk and the kernel's log.")
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            self = .failed(
                "The catalog \(path) is damaged (\(cause)). Stop fphost, keep a copy of the file, and restore a backup "
                    + "or what `sqlite3 \(path) .recover` saves."
            )
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY, .SQLITE_AUTH:
            self = .failed(
                "The catalog \(path) cannot be opened for writing (\(cause)). Give this user the right to write the file "
                    + "and its directory."
            )
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self = .failed(
                "The catalog \(path) is locked by another program (\(cause)). Close that program and try again.")
        default:
            self = .failed("The catalog \(path) failed (SQLite \(error.extendedResultCode.rawValue), \(cause)).")
        }
    }
}
