import CSSH
import FPPluginKit
import Glibc

/// One SSH connection through libssh, from the handshake to the channel.
///
/// Only ever used by one thread at a time. libssh never blocks in it: what would is repeated by `drive` when the socket
/// is ready, so that a connection that is no longer wanted ends within a tenth of a second.
final class SSHSession {
    let raw: ssh_session
    let server: Settings.Endpoint
    private let deadline: Int64
    private let isWanted: () -> Bool

    /// Takes over a connected socket and negotiates keys over it.
    /// - Parameter deadline: for this and all that follows up to an open channel.
    init(
        over socket: Int32, to server: Settings.Endpoint, _ settings: Settings, before deadline: Int64,
        isWanted: @escaping () -> Bool
    ) throws(PluginError) {
        guard let raw = ssh_new() else {
            close(socket)
            throw PluginError(.noMemory, "no memory for an SSH session")
        }
        self.raw = raw
        self.server = server
        self.deadline = deadline
        self.isWanted = isWanted
        do throws(PluginError) {
            try configure(settings, socket)
        } catch {
            close(socket)
            throw error
        }
        ssh_set_blocking(raw, 0)
        let negotiated = try drive { ssh_connect($0) }
        // Before it has said who it is, a server that has enough of us just hangs up.
        let advice =
            software.isEmpty
            ? " (it hung up before it said who it is: too many connections at once for its MaxStartups, or a firewall; "
                + "lower `max_connections`, or raise that)" : ""
        try expectOK(negotiated, "negotiating with \(server.name)\(advice)")
        // libssh has made it block again, and would then wait for a server that reads nothing.
        _ = fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK)
    }

    /// Closes the socket as well, and says nothing to the server. `ssh_silent_disconnect` must not come first: that of
    /// libssh 0.11 sends a disconnect message on a socket that was given to it, and then does not close it.
    deinit { ssh_free(raw) }

    var socket: Int32 { ssh_get_fd(raw) }

    /// Lets what is sent already arrive, other than when the connection is given up.
    func finish() {
        var linger = Glibc.linger(l_onoff: 0, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }

    private func configure(_ settings: Settings, _ socket: Int32) throws(PluginError) {
        // Nothing but our own options: no ~/.ssh/config, whose commands would be run.
        try set(SSH_OPTIONS_PROCESS_CONFIG, false, "process config")
        try set(SSH_OPTIONS_STRICTHOSTKEYCHECK, Int32(1), "strictness")
        try set(SSH_OPTIONS_HOST, server.host, "host")
        try set(SSH_OPTIONS_PORT, UInt32(server.port), "port")
        try set(SSH_OPTIONS_USER, server.user, "username")
        try set(SSH_OPTIONS_KNOWNHOSTS, settings.trust.knownHosts, "known_host_file")
        try set(SSH_OPTIONS_GLOBAL_KNOWNHOSTS, Settings.Trust.machineFiles[0], "known hosts of the machine")
        let algorithms = settings.algorithms
        try set(SSH_OPTIONS_CIPHERS_C_S, algorithms.ciphers, "ciphers")
        try set(SSH_OPTIONS_CIPHERS_S_C, algorithms.ciphers, "ciphers")
        try set(SSH_OPTIONS_KEY_EXCHANGE, algorithms.keyExchange, "kex_algorithms")
        try set(SSH_OPTIONS_HOSTKEYS, algorithms.hostKeys, "host_key_algorithms")
        try set(SSH_OPTIONS_HMAC_C_S, algorithms.macs, "macs")
        try set(SSH_OPTIONS_HMAC_S_C, algorithms.macs, "macs")
        try set(SSH_OPTIONS_COMPRESSION, algorithms.compress ? "yes" : "no", "compress")
        if let agent = settings.login.agentSocket { try set(SSH_OPTIONS_IDENTITY_AGENT, agent, "agent_socket") }
        try set(SSH_OPTIONS_FD, socket, "socket")
    }

    private func set(_ option: ssh_options_e, _ text: String, _ name: String) throws(PluginError) {
        if text.isEmpty { return }
        guard ssh_options_set(raw, option, text) == SSH_OK else {
            throw PluginError(.config, "the option `\(name)` is not usable: \(problem)")
        }
    }

    private func set(_ option: ssh_options_e, _ value: some BitwiseCopyable, _ name: String) throws(PluginError) {
        let code = withUnsafePointer(to: value) { ssh_options_set(raw, option, $0) }
        guard code == SSH_OK else { throw PluginError(.internalError, "libssh does not take the \(name): \(problem)") }
    }

    /// libssh's own words about what went wrong last.
    var problem: String {
        guard let text = ssh_get_error(UnsafeMutableRawPointer(raw)) else { return "no reason given" }
        let words = String(cString: text)
        return words.isEmpty ? "the server ended the connection" : words
    }

    /// Repeats a step of libssh until it no longer asks for that.
    func drive(again: Int32 = SSH_AGAIN, _ step: (ssh_session) -> Int32) throws(PluginError) -> Int32 {
        while true {
            let code = step(raw)
            guard code == again else { return code }
            guard isWanted() else { throw PluginError(.transient, "the store is closed") }
            guard Call.now < deadline else {
                throw PluginError(.transient, "\(server.name) took too long to answer; raise `timeout` if it is slow")
            }
            waitForSocket()
        }
    }

    func expectOK(_ code: Int32, _ doing: @autoclosure () -> String) throws(PluginError) {
        guard code == SSH_OK else { throw PluginError(.transient, "\(doing()): \(problem)", nativeCode: code) }
    }

    private func waitForSocket() {
        var poller = pollfd(fd: socket, events: wantedEvents, revents: 0)
        poll(&poller, 1, 100)
    }

    /// What to wait for before libssh can go on.
    var wantedEvents: Int16 {
        Int16(ssh_get_poll_flags(raw) & SSH_WRITE_PENDING != 0 ? POLLIN | POLLOUT : POLLIN)
    }

    /// The server's software, such as "SSH-2.0-OpenSSH_9.2p1".
    var software: String { ssh_get_serverbanner(raw).map { String(cString: $0) } ?? "" }
}

extension SSHSession {
    /// Opens a channel to the SFTP server.
    func openSFTP() throws(PluginError) -> ssh_channel {
        guard let channel = ssh_channel_new(raw) else { throw PluginError(.noMemory, "no memory for a channel") }
        let opened = try drive { _ in ssh_channel_open_session(channel) }
        guard opened == SSH_OK else {
            throw PluginError(
                .transient,
                "\(server.name) opens no session for \(server.user): \(problem); its MaxSessions may be 0 or be reached, "
                    + "or this account may only forward", nativeCode: opened)
        }
        let started = try drive { _ in ssh_channel_request_subsystem(channel, "sftp") }
        guard started == SSH_OK else {
            // Only what the server says counts: a connection may break at this point as at any other.
            guard ssh_get_error_code(UnsafeMutableRawPointer(raw)) == Int32(SSH_REQUEST_DENIED.rawValue) else {
                throw PluginError(.transient, "starting SFTP on \(server.name): \(problem)", nativeCode: started)
            }
            throw PluginError(
                .config, "\(server.name) has no SFTP for \(server.user): \(problem); enable its subsystem \"sftp\"",
                nativeCode: started)
        }
        return channel
    }

    /// Opens a channel through the server to another one.
    func openForward(to target: Settings.Endpoint) throws(PluginError) -> ssh_channel {
        guard let channel = ssh_channel_new(raw) else { throw PluginError(.noMemory, "no memory for a channel") }
        let opened = try drive { _ in
            ssh_channel_open_forward(channel, target.host, Int32(target.port), "127.0.0.1", 0)
        }
        guard opened == SSH_OK else {
            throw PluginError(
                .transient, "\(server.name) does not connect to \(target.name): \(problem)", nativeCode: opened)
        }
        return channel
    }
}
