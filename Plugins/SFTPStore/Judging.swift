import FPPluginKit
import Synchronization

/// Whether a server refuses one key, or nothing works at all. Asked only after a failure.
extension SFTPStore {
    /// Runs `body`, and finds out what a failure of it means that the server did not explain.
    /// - Parameter isStaging: whether it is about what every write goes through, and not about one key.
    func judging<Value>(
        _ call: borrowing Call, isStaging: Bool = false, _ body: (borrowing Call) throws(PluginError) -> Value
    ) throws(PluginError) -> Value {
        do throws(PluginError) {
            return try body(call)
        } catch {
            throw judge(error, isStaging: isStaging, call)
        }
    }

    private func judge(_ error: PluginError, isStaging: Bool, _ call: borrowing Call) -> PluginError {
        var error = error
        guard let connection = pool.anyOpen, !error.outcomeUnknown else { return error }
        switch (error.code, UInt32(bitPattern: error.nativeCode)) {
        case (.denied, Status.permissionDenied):
            guard isStaging || connection.refusesEverything(call) else { return error }
            error.code = .readOnly
        case (.transient, Status.failure):
            if let problem = try? connection.space(call)?.problem {
                error.code = problem.code
                error.message += "; \(problem.reason)"
            } else if !isStaging, connection.isWell(call) {
                error.code = .denied
                error.message += "; the server works otherwise, so it is this name, or this file, that it does not take"
            }
        default: break
        }
        if error.code == .readOnly { noteRefusal() }
        return error
    }
}

extension Connection {
    /// Whether the server can still open something: a directory takes a handle, as a file does.
    fileprivate func isWell(_ call: borrowing Call) -> Bool {
        guard let reply = try? run(.openDirectory(paths.rootDirectory), call) else { return false }
        switch reply {
        case .handle(let handle):
            tell(.close(handle))
            return true
        case .status(let status): return status.code == Status.permissionDenied
        default: return false
        }
    }

    /// Whether not even a directory can be made in root_path. Directories are no objects, so that nobody sees it.
    func refusesEverything(_ call: borrowing Call) -> Bool {
        let path = "\(paths.rootDirectory == "/" ? "" : paths.rootDirectory)/.fp-trial-\(SessionID.random().text)"
        guard case .status(let status) = try? run(.makeDirectory(path, Attributes(permissions: 0o700)), call)
        else { return false }
        if status.isOK { tell(.removeDirectory(path)) }
        return status.code == Status.permissionDenied || status.code == Status.writeProtected
    }
}

/// Whether root_path has been there, shared by a store's connections: one that is gone has no objects, but that says
/// nothing about them, and it is not made again, since it may have been on a disk that is away.
final class RootSight: Sendable {
    let wasSeen = Atomic<Bool>(false)
}

extension Connection {
    /// Asks whether root_path is there.
    /// - Throws: `.transient` if it was, and is no more.
    func expectRoot(_ call: borrowing Call) throws(PluginError) {
        try judgeRoot(run(.attributes(of: paths.rootDirectory), call))
    }

    func judgeRoot(_ reply: Reply) throws(PluginError) {
        switch reply {
        case .attributes: sight.wasSeen.store(true, ordering: .relaxed)
        case .status(let status) where status.isAbsent:
            guard sight.wasSeen.load(ordering: .relaxed) else { return }
            throw PluginError(
                .transient,
                "root_path \(paths.rootDirectory) is gone from \(settings.server.name); put it back, or mount it again")
        default: break
        }
    }
}
