import FPPluginKit

extension PluginError {
    /// What a refused request means to the host.
    /// - Parameter doing: What was tried, on what: "writing \"a/b\"".
    static func refused(_ status: Status, _ doing: String) -> PluginError {
        let (code, reason) = meaning(of: status)
        let words = status.text.isEmpty || status.code == Status.failure ? "" : " (\"\(status.text)\")"
        return PluginError(code, "\(doing): \(reason)\(words)", nativeCode: Int32(clamping: status.code))
    }

    /// The one place that says what becomes of an SSH_FX code. What it cannot tell, because version 3 of the protocol has
    /// one word for most failures, is found out by `SFTPStore.judge`.
    private static func meaning(of status: Status) -> (Code, String) {
        if status.code == Status.failure, let code = guess(from: status.text) { return (code, "\"\(status.text)\"") }
        switch status.code {
        case Status.noSuchFile, Status.noSuchPath, Status.notADirectory, Status.endOfFile:
            return (.notFound, "the server has no such file")
        case Status.writeProtected: return (.readOnly, "the server's file system takes no writes")
        case Status.permissionDenied:
            return (.denied, "the server denies it; check the owner and the mode of root_path and what is below")
        case Status.linkLoop: return (.denied, "there is a symbolic link in the way")
        case Status.noSpace: return (.noSpace, "the server's disk is full")
        case Status.quotaExceeded: return (.noSpace, "the quota on the server is used up")
        case Status.exists, Status.directoryNotEmpty: return (.exists, "the name is taken")
        case Status.unsupported: return (.unsupported, "the server does not offer it")
        case Status.badMessage, Status.invalidName: return (.invalid, "the server does not take the name")
        default: return (.transient, "the server failed (\"\(status.text)\")")
        }
    }

    /// Version 3 has one code for most failures; some servers at least say in words which it is.
    private static func guess(from text: String) -> Code? {
        let text = text.lowercased()
        if ["no space", "disk full", "quota"].contains(where: text.contains) { return .noSpace }
        if text.contains("read-only") { return .readOnly }
        if text.contains("permission denied") { return .denied }
        return nil
    }

    /// A reply of a kind that does not belong to the request.
    static func unexpected(_ doing: String) -> PluginError {
        PluginError(.transient, "\(doing): the server's answer makes no sense")
    }
}

extension Reply {
    /// Nothing but success.
    func expectOK(_ doing: @autoclosure () -> String) throws(PluginError) {
        guard case .status(let status) = self else { throw .unexpected(doing()) }
        guard status.isOK else { throw .refused(status, doing()) }
    }

    func expectHandle(_ doing: @autoclosure () -> String) throws(PluginError) -> [UInt8] {
        switch self {
        case .handle(let handle): return handle
        case .status(let status) where !status.isOK: throw .refused(status, doing())
        default: throw .unexpected(doing())
        }
    }

    func expectAttributes(_ doing: @autoclosure () -> String) throws(PluginError) -> Attributes {
        switch self {
        case .attributes(let attributes): return attributes
        case .status(let status) where !status.isOK: throw .refused(status, doing())
        default: throw .unexpected(doing())
        }
    }

    /// Nil if there is no such file.
    func attributesIfThere(_ doing: @autoclosure () -> String) throws(PluginError) -> Attributes? {
        if case .status(let status) = self, status.isAbsent { return nil }
        return try expectAttributes(doing())
    }

    /// The one name that REALPATH answers with.
    func expectPath(_ doing: @autoclosure () -> String) throws(PluginError) -> String {
        switch self {
        case .names(let names):
            guard let name = names.first, let path = String(validating: name.bytes, as: UTF8.self) else {
                throw .unexpected(doing())
            }
            return path
        case .status(let status) where !status.isOK: throw .refused(status, doing())
        default: throw .unexpected(doing())
        }
    }
}
