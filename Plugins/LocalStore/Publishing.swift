import CLinux
import FPPluginKit
import Glibc

/// Giving a finished file its name: one step of the kernel, so that no observer sees it half done.
extension Tree {
    /// Gives the nameless `file` the name `key`, if that is free.
    /// - Returns: false if there is an object with this key.
    func link(_ file: Int32, as key: Key, power: Bool) throws(PluginError) -> Bool {
        try place(key, power: power) { (directory, name) throws(SystemError) in
            try checkNegated(Int64(cl_link_fd(file, directory.raw, name)))
        }
    }

    /// Moves the file `name` in `source` to `key`.
    /// - Throws: `.exists` if the key is taken and the file may not replace it, `.gone` if there is no such file.
    func rename(
        _ name: String, in source: borrowing Directory, to key: Key, replacing: Bool, power: Bool
    ) throws(PluginError) {
        let isPlaced = try place(key, power: power) { (directory, target) throws(SystemError) in
            do throws(SystemError) {
                try checkNegated(Int64(cl_rename(source.raw, name, directory.raw, target, replacing ? 0 : 1)))
            } catch {
                // ENOENT may also be about the target's directory: then `place` tries again. ESTALE says: the source.
                if error.number == ENOENT, (try? source.status(of: name)) == nil { throw SystemError(number: ESTALE) }
                guard !replacing, error.number == EINVAL || error.number == ENOSYS else { throw error }
                // The file system cannot rename without replacing (NFS cannot). A second link fails if there is one.
                try check(linkat(source.raw, name, directory.raw, target, 0))
                unlinkat(source.raw, name, 0)
            }
        }
        guard isPlaced else { throw taken(key) }
    }

    func taken(_ key: Key) -> PluginError {
        PluginError(.exists, "\"\(key)\" exists already", errno: EEXIST)
    }

    /// Runs `step` on the directory of `key`, made where it is missing. Tries again if other writers interfere.
    /// - Parameter step: ESTALE from it means that the staged bytes are gone.
    /// - Returns: false if there is an object with this key.
    private func place(
        _ key: Key, power: Bool, _ step: (borrowing Directory, String) throws(SystemError) -> Void
    ) throws(PluginError) -> Bool {
        var made: [String] = []
        do throws(PluginError) {
            if try place(key, power: power, &made, step) { return true }
        } catch {
            if !error.outcomeUnknown { unmake(made) }
            throw error
        }
        unmake(made)
        return false
    }

    private func place(
        _ key: Key, power: Bool, _ made: inout [String],
        _ step: (borrowing Directory, String) throws(SystemError) -> Void
    ) throws(PluginError) -> Bool {
        let path = key.directory
        let name = key.name
        for _ in 0..<Self.raceLimit {
            let directory = try makeDirectory(path, mode: settings.directoryMode, power: power)
            made += directory.made
            do throws(SystemError) {
                try step(directory, name)
            } catch {
                switch error.number {
                case ENOENT:
                    // The directory became empty and was removed after we had opened it.
                    continue
                case EEXIST, EISDIR, ENOTEMPTY:
                    if try makeRoom(for: key, in: directory, name) { continue }
                    return false
                case ESTALE:
                    throw PluginError(.gone, "the staged bytes of \"\(key)\" are gone", errno: ENOENT)
                case EXDEV:
                    throw PluginError(
                        .unsupported, "\"\(key)\" is on another file system than the staged bytes", errno: EXDEV)
                default:
                    throw refusal(error, "storing \"\(key)\"")
                }
            }
            if power { try makeDurable(directory, key) }
            return true
        }
        throw PluginError(.transient, "the directory of \"\(key)\" is removed again and again")
    }

    private func makeDurable(_ directory: borrowing Directory, _ key: Key) throws(PluginError) {
        do throws(SystemError) {
            try directory.sync()
        } catch {
            var failure = error.doing("flushing the directory of \"\(key)\" to the disk")
            failure.outcomeUnknown = true
            throw failure
        }
    }

    /// Removes an empty directory that is in the way: directories are no objects.
    /// - Returns: false if it is an object that is in the way.
    private func makeRoom(
        for key: Key, in directory: borrowing Directory, _ name: String
    ) throws(PluginError) -> Bool {
        guard let found = try? directory.status(of: name) else { return true }
        guard found.isDirectory else { return false }
        guard unlinkat(directory.raw, name, AT_REMOVEDIR) != 0, errno != ENOENT else { return true }
        throw PluginError(
            .exists, "\"\(key)\" cannot be stored: other objects lie below \"\(key)/\"", errno: EISDIR)
    }
}
