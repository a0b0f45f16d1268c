import FPPluginKit
import Glibc

extension Descriptor {
    /// Takes over what a call of CLinux returned.
    /// - Throws: the negated `errno` as a bare number, for the caller knows what it was doing.
    init(_ result: Int32) throws(SystemError) {
        guard result >= 0 else { throw SystemError(number: -result) }
        self.init(owning: result)
    }

    /// Takes the file's lock.
    /// - Returns: false if somebody else holds it.
    mutating func lock() throws(SystemError) -> Bool {
        switch tryLock() {
        case 0: return true
        case EWOULDBLOCK: return false
        case let number: throw SystemError(number: number)
        }
    }

    func status() throws(SystemError) -> FileStatus {
        var found = FileStatus()
        try check(fstat(raw, &found))
        return found
    }
}
