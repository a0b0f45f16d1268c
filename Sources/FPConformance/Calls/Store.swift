import FPPluginAPI
import Glibc

/// A store behind the C table, driven as a host drives it.
///
/// `@unchecked Sendable`: constant but for the invocation, which cases change only while they make no calls; that calls
/// run side by side only where the plugin allows it is up to the case.
final class Store: @unchecked Sendable {
    let library: Library
    let instance: OpaquePointer
    let host: HostRecord
    var invocation: Invocation
    private var isOpen = true
    private let lock = Lock()
    private var tokens: [[UInt8]] = []

    var table: fp_plugin { library.table }
    var shape: HostShape { invocation.shape }

    init(_ library: Library, options: OptionNode, invocation: Invocation = Invocation()) throws {
        self.library = library
        self.invocation = invocation
        let host = HostRecord(shape: invocation.shape)
        self.host = host
        var made: OpaquePointer?
        guard let create = library.table.create else { throw Broken("create is NULL", .slot("fp_plugin")) }
        do {
            try OptionTree.lend(options, invocation.shape) { tree in
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
    var issuedTokens: [[UInt8]] { lock.with { tokens } }

    func issued(_ token: [UInt8]) { lock.with { tokens.append(token) } }

    func destroy() {
        guard isOpen else { return }
        isOpen = false
        Breadcrumb.shared.leave("destroy")
        table.destroy?(instance)
        Breadcrumb.shared.leave("after destroy")
    }

    func caps() throws -> fp_caps {
        guard let slot = table.caps else { throw Broken("caps is NULL", .slot("fp_plugin")) }
        let (status, caps) = try shape.lendOutput(fp_caps(), of: "caps", buffers: []) { slot(instance, $0) }
        guard status == FP_OK else { throw Broken("caps returned \(StatusName.of(status))", .slot("caps")) }
        return caps
    }

    /// What the back-end says of itself.
    struct Health {
        var state: UInt32
        var total: UInt64
        var used: UInt64
        var free: UInt64
    }

    func health(_ flags: UInt32 = 0) throws -> Health {
        guard let slot = table.health else { throw Broken("health is NULL", .slot("fp_plugin")) }
        let room = Room(512)
        var health = fp_health()
        health.detail = room.buffer
        let (_, filled) = try shape.lendOutput(health, of: "health", buffers: [\.detail]) { health in
            try invocation.perform("health") { slot(instance, $0, flags, health) }
        }
        try room.check("health")
        return Health(
            state: filled.state, total: filled.total_bytes, used: filled.used_bytes, free: filled.free_bytes)
    }

    func remove(_ key: String, flags: UInt32 = 0) throws {
        guard let slot = table.remove else { throw Broken("remove is NULL", .slot("fp_plugin")) }
        try lend(key) { key in try invocation.perform("remove") { slot(instance, $0, key, flags) } }
    }

    func discard(_ token: [UInt8]) throws {
        let slot = table.write_discard
        try lend(token) { token in
            try invocation.perform("write_discard") { slot?(instance, $0, token) ?? FP_E_UNSUPPORTED }
        }
    }

    /// Runs the plugin's offline check.
    static func validate(_ library: Library, _ options: OptionNode, _ invocation: Invocation) throws {
        guard let slot = library.table.validate else { return }
        try OptionTree.lend(options, invocation.shape) { tree in
            try invocation.perform("validate") { slot(library.host.pointer, tree, $0) }
        }
    }

    /// A copy of this store's way of calling with another deadline, cancellation or shape, for one call.
    func with<Result>(_ change: (inout Invocation) -> Void, _ body: () throws -> Result) rethrows -> Result {
        let before = invocation
        defer { invocation = before }
        change(&invocation)
        return try body()
    }
}
