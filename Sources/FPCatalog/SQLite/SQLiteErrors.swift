import CSQLite
import Glibc

extension CatalogError {
    /// Turns what SQLite said into what its operator should do.
    init(_ error: any Error, catalog path: String) {
        if let error = error as? CatalogError {
            self = error
            return
        }
        if let error = error as? CatalogBackup.Unsound {
            self = .failed(
                "The catalog \(path) is damaged (\(error.faults.prefix(3).joined(separator: "; "))). \(CatalogCheck.advice)"
            )
            return
        }
        guard let error = error as? SQLiteError else {
            self = .failed("The catalog \(path) failed: \(error).")
            return
        }
        let reason = error.systemError
        let cause = reason == 0 ? error.message : "\(error.message): \(describe(errno: reason))"
        let isFull = error.primaryCode == SQLITE_FULL || reason == ENOSPC || reason == EDQUOT
        switch error.primaryCode {
        case _ where isFull:
            self = .full(
                "The catalog \(path) cannot grow (\(cause)). Free some space on its disk, or raise its quota; nothing "
                    + "else is needed."
            )
        case SQLITE_IOERR:
            self = .unavailable(
                "The catalog \(path) cannot be read or written (\(cause)). Check its disk and the kernel's log.")
        case SQLITE_CORRUPT, SQLITE_NOTADB:
            self = .failed(
                "The catalog \(path) is damaged (\(cause)). `fphost catalog check` says more. \(CatalogCheck.advice)"
            )
        case SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_READONLY, SQLITE_AUTH:
            self = .unavailable(
                "The catalog \(path) cannot be opened for writing (\(cause)). Give this user the right to write the file "
                    + "and its directory."
            )
        case SQLITE_BUSY, SQLITE_LOCKED:
            self = .unavailable(
                "The catalog \(path) is locked by another program (\(cause)). Close that program and try again.")
        default:
            self = .failed("The catalog \(path) failed (SQLite \(error.code), \(cause)).")
        }
    }
}
