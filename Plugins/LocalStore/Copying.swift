import CLinux
import FPPluginKit
import Glibc

extension LocalStore: CopyingStore, TransferringStore {
    func copy(_ request: CopyRequest, _ call: borrowing Call) throws(PluginError) -> CopyOutcome {
        if request.source == request.target {
            let object = try tree.openObject(request.source, ifMatch: request.ifMatch)
            guard tree.settings.allowOverwrite, !request.ifNotExists else { throw tree.taken(request.target) }
            return CopyOutcome(info: object.status.objectInfo, streamed: false, atomic: true)
        }
        return try transfer(from: self, request, call)
    }

    func transfer(
        from source: LocalStore, _ request: CopyRequest, _ call: borrowing Call
    ) throws(PluginError) -> CopyOutcome {
        let object = try source.tree.openObject(request.source, ifMatch: request.ifMatch)
        if request.power { tree.syncsForPower.store(true, ordering: .relaxed) }
        return request.move
            ? try tree.move(object, request, from: source.tree) : try tree.copy(object, request, call)
    }
}

extension Tree {
    private func replaces(_ request: CopyRequest) -> Bool { settings.allowOverwrite && !request.ifNotExists }

    /// Renames the object.
    fileprivate func move(
        _ object: consuming ObjectFile, _ request: CopyRequest, from source: Tree
    ) throws(PluginError) -> CopyOutcome {
        let root = try source.root()
        let key = request.source
        let directory = try source.changing("moving \"\(key)\"") { () throws(SystemError) in
            let directory = try source.directory(key.directory, in: root)
            if object.status.permissions != settings.fileMode {
                try check(fchmod(object.raw, mode_t(settings.fileMode)))
            }
            if request.power { try check(fsync(object.raw)) }
            return directory
        }
        do throws(PluginError) {
            try rename(
                key.name, in: directory, to: request.target, replacing: replaces(request), power: request.power)
        } catch {
            guard error.code == .gone else { throw error }
            throw PluginError(.notFound, "\"\(key)\" is gone", errno: ENOENT)
        }
        if request.ifMatch != nil { try undoIfReplaced(object.status, request, directory) }
        if object.status.st_nlink > 1 { try removeTwin(object.status, request, directory) }
        if request.power { try? directory.sync() }
        source.prune(key.directory)
        return CopyOutcome(info: object.status.objectInfo, streamed: false, atomic: true)
    }

    /// rename(2) does nothing where both names are links to one file: then the source's name goes, if it is another.
    private func removeTwin(
        _ file: FileStatus, _ request: CopyRequest, _ source: borrowing Directory
    ) throws(PluginError) {
        let name = request.source.name
        guard let left = try? source.status(of: name), left.isSameFile(as: file) else { return }
        let root = try root()
        try changing("moving \"\(request.source)\"") { () throws(SystemError) in
            let directory = try directory(request.target.directory, in: root)
            var places = (FileStatus(), FileStatus())
            try check(fstat(source.raw, &places.0))
            try check(fstat(directory.raw, &places.1))
            // Two stores may have one place, where both keys are one name.
            if places.0.isSameFile(as: places.1), name.utf8.elementsEqual(request.target.name.utf8) { return }
            try check(unlinkat(source.raw, name, 0))
        }
    }

    /// A rename goes by name, so that another version may have come in between the look at the tag and the rename.
    private func undoIfReplaced(
        _ expected: FileStatus, _ request: CopyRequest, _ source: borrowing Directory
    ) throws(PluginError) {
        let root = try root()
        let target = request.target
        let isRight = try changing("moving \"\(request.source)\"") { () throws(SystemError) in
            let directory = try directory(target.directory, in: root)
            let found = try directory.status(of: target.name)
            if found.isSameFile(as: expected) { return true }
            try checkNegated(Int64(cl_rename(directory.raw, target.name, source.raw, request.source.name, 1)))
            return false
        }
        guard isRight else { throw changed(request.source) }
    }

    /// Makes a second file with the same bytes: sharing the blocks where the file system can, else through the kernel.
    fileprivate func copy(
        _ object: consuming ObjectFile, _ request: CopyRequest, _ call: borrowing Call
    ) throws(PluginError) -> CopyOutcome {
        let staged = try stageOnce(request.target)
        do throws(PluginError) {
            let streamed = cl_clone(staged.file.raw, object.raw) != 0
            if streamed {
                guard request.allowStream else {
                    throw PluginError(.unsupported, "this file system cannot copy \"\(request.source)\" by itself")
                }
                try copyBytes(from: object, to: staged, request.source, call)
            }
            let info = try staged.publish(
                as: request.target, replacing: replaces(request), size: UInt64(max(0, object.status.st_size)),
                power: request.power)
            return CopyOutcome(info: info, streamed: streamed, atomic: true)
        } catch {
            try? staged.drop()
            throw error
        }
    }

    private func copyBytes(
        from object: borrowing ObjectFile, to staged: StagedFile, _ key: Key, _ call: borrowing Call
    ) throws(PluginError) {
        let step = 8 << 20
        var isNative = true
        var position: UInt64 = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)
        defer { buffer.deallocate() }
        while true {
            try call.check()
            if isNative {
                let count = cl_copy_range(staged.file.raw, object.raw, step)
                if count == 0 { return }
                if count > 0 {
                    position += UInt64(count)
                    continue
                }
                guard [EXDEV, EINVAL, ENOSYS, EOPNOTSUPP].contains(Int32(-count)) else {
                    throw refusal(SystemError(number: Int32(-count)), "copying \"\(key)\"", isStaging: true)
                }
                isNative = false
            }
            let count = pread(object.raw, buffer.baseAddress, buffer.count, off_t(clamping: position))
            if count == 0 { return }
            try changing("copying \"\(key)\"", isStaging: true) { () throws(SystemError) in
                guard count > 0 else { throw SystemError(number: errno) }
                try staged.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: position)
            }
            position += UInt64(count)
        }
    }
}
