import FPPluginKit

/// A file that is open on the server. Lives as long as its connection.
final class OpenFile {
    let connection: Connection
    let handle: [UInt8]
    private var isOpen = true

    init(_ connection: Connection, _ handle: [UInt8]) {
        self.connection = connection
        self.handle = handle
        connection.countFile(1)
    }

    deinit { close() }

    /// Does not wait for the server: its order of requests is enough.
    func close() {
        guard forget() else { return }
        connection.tell(.close(handle))
    }

    /// Closes, and waits for the answer: some servers tell only then that bytes were lost.
    func close(_ call: borrowing Call, _ doing: String) throws(PluginError) {
        guard forget() else { return }
        try connection.run(.close(handle), call).expectOK(doing)
    }

    /// It was closed along with another request.
    func noteClosed() { _ = forget() }

    private func forget() -> Bool {
        guard isOpen else { return false }
        isOpen = false
        connection.countFile(-1)
        return true
    }
}
