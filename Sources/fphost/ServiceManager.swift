import Foundation
import Glibc

/// The service manager that started this process, if one did that wants to know how it is (systemd, sd_notify(3)).
enum ServiceManager {
    /// Tells it: `READY=1`, `STOPPING=1`. What cannot be told is left untold: nothing here depends on it.
    static func notify(_ state: String) {
        guard let name = ProcessInfo.processInfo.environment["NOTIFY_SOCKET"], let first = name.utf8.first else {
            return
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var path = Array(name.utf8)
        guard path.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        // A name that is no path, but one of its own kind (unix(7)).
        if first == UInt8(ascii: "@") { path[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let socket = Glibc.socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return }
        defer { close(socket) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
                _ = sendto(socket, state, state.utf8.count, CInt(MSG_NOSIGNAL), target, length)
            }
        }
    }
}
