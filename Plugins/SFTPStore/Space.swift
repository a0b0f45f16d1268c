import FPPluginKit

/// What statvfs@openssh.com says.
struct Space: Sendable {
    let total: UInt64
    let used: UInt64
    let free: UInt64
    let freeFiles: UInt64
    let isReadOnly: Bool

    init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes, .ssh)
        var words: [UInt64] = []
        while words.count < 11, let word = reader.next(UInt64.self) { words.append(word) }
        // f_bsize, f_frsize, f_blocks, f_bfree, f_bavail, f_files, f_ffree, f_favail, f_fsid, f_flag, f_namemax
        guard words.count == 11 else { return nil }
        let unit = words[1] > 0 ? words[1] : words[0]
        // Some servers answer with noughts where they do not know: that is no full disk.
        guard unit > 0, words[2] > 0, words[3] <= words[2], words[4] <= words[2],
            !words[2].multipliedReportingOverflow(by: unit).overflow
        else { return nil }
        total = words[2] * unit
        used = (words[2] - words[3]) * unit
        free = words[4] * unit
        freeFiles = words[5] == 0 ? .max : words[7]
        isReadOnly = words[9] & 1 != 0
    }

    /// Why nothing can be written.
    var problem: (code: PluginError.Code, reason: String)? {
        if isReadOnly { return (.readOnly, "the server's file system is mounted read-only; mount it for writing") }
        if free == 0 { return (.noSpace, "the server's disk is full; free some space") }
        if freeFiles == 0 { return (.noSpace, "the server's file system has no free inodes; remove some files") }
        return nil
    }
}

extension Connection {
    /// The space below root_path; nil if the server does not tell.
    func space(_ call: borrowing Call) throws(PluginError) -> Space? {
        guard features.has(Extension.fileSystem),
            case .extended(let bytes) = try run(.fileSystem(of: paths.rootDirectory), call)
        else { return nil }
        // Some servers announce it and then answer with nothing but zeros.
        return Space(bytes).flatMap { $0.total > 0 ? $0 : nil }
    }
}

extension Connection {
    /// Version 3 has one word for most failures, so the server is asked for the state of its disk.
    /// - Parameter takesBytes: whether it was bytes that were refused, to a file that was open.
    func explain(
        _ refusal: Status, _ doing: String, takesBytes: Bool = false, _ call: borrowing Call
    ) -> PluginError {
        let error = PluginError.refused(refusal, doing)
        guard refusal.code == Status.failure, error.code == .transient else { return error }
        func because(_ code: PluginError.Code, _ reason: String) -> PluginError {
            PluginError(code, "\(doing): \(reason)", nativeCode: error.nativeCode)
        }
        let space = try? space(call)
        if let space, space.isReadOnly {
            return because(.readOnly, "the server's file system is mounted read-only; mount it for writing")
        }
        // A disk without room for the next packet may have room for less.
        if let space, space.free < (takesBytes ? 1 << 20 : 1) || space.freeFiles == 0 {
            return because(.noSpace, "the server's disk is full; free some space")
        }
        guard takesBytes else { return error }
        return because(.noSpace, "the server refused the bytes; a quota may be used up, or its disk be full")
    }
}
