import FPPluginAPI
import Glibc

/// A store behind the C table, driven as a host drives it.
///
/// `@unchecked Sendable`: constant but for the tokens, which the lock guards, and for the invocation, which callers change
/// only while no call is made. That calls run side by side only where the plugin allows it is up to the caller.
package final class Store: @unchecked Sendable {
    package let library: Library
    package let instance: OpaquePointer
    package let host: HostRecord
    /// How calls on this store are made, where `Invocation.ambient` does not say otherwise.
    package var invocation: Invocation
    private var isOpen = true
    private let lock = Lock()
    private var tokens: [[UInt8]] = []

    package var slots: fp_plugin { library.slots }
    /// How the next call is made.
    package var current: Invocation { Invocation.ambient ?? invocation }
    package var shape: HostShape { current.shape }

    /// Creates an instance.
    /// - Parameter host: what the instance is given; nil for one of its own.
    /// - Throws: `Failure` and `Broken`, as do all calls.
    package init(
        _ library: Library, options: OptionNode, invocation: Invocation = Invocation(), host: HostRecord? = nil
    ) throws {
        self.library = library
        self.invocation = invocation
        let host = host ?? HostRecord(shape: invocation.shape)
        self.host = host
        var made: OpaquePointer?
        guard let create = library.slots.create else { throw Broken("create is NULL", .slot("fp_plugin")) }
        do {
            try invocation.shape.lend(options) { tree in
                try invocation.perform("create") { create(host.pointer, tree, $0, &made) }
            }
        } catch let failure as Failure {
            guard made == nil else { throw Broken("create failed and left an instance in *out", .rule(5)) }
            throw failure
        }
        guard let made else { throw Broken("create returned FP_OK and no instance", .slot("create")) }
        instance = made
    }

    deinit { destroy() }

    /// The first token of every session that was begun here.
    package var issuedTokens: [[UInt8]] { lock.with { tokens } }

    func issued(_ token: [UInt8]) { lock.with { tokens.append(token) } }

    /// Destroys the instance, once; nothing else may be called afterwards.
    package func destroy() {
        guard isOpen else { return }
        isOpen = false
        Breadcrumb.shared.leave("destroy")
        slots.destroy?(instance)
        Breadcrumb.shared.leave("after destroy")
    }

    /// What the store can do.
    package func capabilities() throws -> fp_caps {
        guard let slot = slots.caps else { throw Broken("caps is NULL", .slot("fp_plugin")) }
        let (status, caps) = try shape.lendOutput(fp_caps(), of: "caps", buffers: []) { slot(instance, $0) }
        guard status == FP_OK else { throw Broken("caps returned \(StatusName.of(status))", .slot("caps")) }
        return caps
    }

    /// What the back-end says of itself.
    package struct Health: Sendable {
        /// FP_HEALTH_*.
        package var state: UInt32
        /// What it cannot do: FP_HEALTH_CANNOT_WRITE, FP_HEALTH_NO_SPACE.
        package var limits: UInt32
        /// Bytes, as the other two; FP_SIZE_UNKNOWN if not known.
        package var total: UInt64
        package var used: UInt64
        package var free: UInt64
        /// One line.
        package var detail: String
    }

    package func health(flags: UInt32 = 0) throws -> Health {
        guard let slot = slots.health else { throw Broken("health is NULL", .slot("fp_plugin")) }
        let detail = GuardedBuffer(512)
        var health = fp_health()
        health.detail = detail.buffer
        let (_, filled) = try shape.lendOutput(health, of: "health", buffers: [\.detail]) { health in
            try current.perform("health") { slot(instance, $0, flags, health) }
        }
        try detail.check("health")
        return Health(
            state: filled.state, limits: filled.limits, total: filled.total_bytes, used: filled.used_bytes,
            free: filled.free_bytes, detail: filled.detail.string)
    }

    package func remove(_ key: String, flags: UInt32 = 0) throws {
        guard let slot = slots.remove else { throw Broken("remove is NULL", .slot("fp_plugin")) }
        try lend(key) { key in try current.perform("remove") { slot(instance, $0, key, flags) } }
    }

    /// Ends a session and drops its bytes.
    package func discard(_ token: [UInt8]) throws {
        let slot = slots.write_discard
        try lend(token) { token in
            try current.perform("write_discard") { slot?(instance, $0, token) ?? FP_E_UNSUPPORTED }
        }
    }

    /// Runs the plugin's offline check.
    package static func validate(
        _ library: Library, _ options: OptionNode, _ invocation: Invocation = Invocation()
    ) throws {
        guard let slot = library.slots.validate else { return }
        try invocation.shape.lend(options) { tree in
            try invocation.perform("validate") { slot(library.host.pointer, tree, $0) }
        }
    }

    /// Makes all calls of `body` in another way than this store's own: another deadline, cancellation or message.
    package func with<Result>(_ change: (inout Invocation) -> Void, _ body: () throws -> Result) rethrows -> Result {
        var invocation = current
        change(&invocation)
        return try Invocation.$ambient.withValue(invocation, operation: body)
    }
}
