import FPPluginAPI
import Glibc

/// A plugin as a host sees it: a table of C functions. It stays loaded, as the contract says.
///
/// `@unchecked Sendable`: all of it is constant; functions and texts in the table live as long as the process.
package final class Library: @unchecked Sendable {
    package typealias EntryPoint = @convention(c) (UnsafePointer<fp_host>?) -> UnsafePointer<fp_plugin>?

    package let entry: EntryPoint
    /// The plugin's own table.
    package let table: UnsafePointer<fp_plugin>
    /// A copy of the table as far as it reaches; slots that the plugin does not have are nil.
    package let slots: fp_plugin
    /// The host that the entry point and `load` were given.
    package let host: HostRecord

    /// Loads a plugin's file and, unless told not to, calls its `load`.
    /// - Throws: `Broken`; `Failure` if `load` fails.
    package convenience init(path: String, shape: HostShape = .present, calling load: Bool = true) throws {
        Breadcrumb.shared.leave("dlopen")
        // A plugin that writes to a connection which the peer has closed must get EPIPE, not end the process.
        signal(SIGPIPE, SIG_IGN)
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | Int32(RTLD_NODELETE)) else {
            throw Broken("dlopen refuses it: \(String(cString: dlerror()))", .slot("fp_plugin_entry_v1"))
        }
        guard let symbol = dlsym(handle, FP_ENTRY_SYMBOL) else {
            throw Broken("it exports no \(FP_ENTRY_SYMBOL)", .slot("fp_plugin_entry_v1"))
        }
        try self.init(entry: unsafeBitCast(symbol, to: EntryPoint.self), shape: shape, calling: load)
    }

    /// The same of a plugin that is in memory already.
    package init(entry: EntryPoint, shape: HostShape = .present, calling load: Bool = true) throws {
        self.entry = entry
        host = HostRecord(shape: shape)
        Breadcrumb.shared.leave("fp_plugin_entry_v1")
        guard let table = entry(host.pointer) else {
            throw Broken("\(FP_ENTRY_SYMBOL) refuses a host of ABI 1.\(shape.minor)", .slot("fp_plugin_entry_v1"))
        }
        self.table = table
        slots = try Self.copy(table)
        if load, let start = slots.load {
            var invocation = Invocation()
            invocation.shape = shape
            try invocation.perform("load") { start(host.pointer, $0) }
        }
    }

    private static func copy(_ pointer: UnsafePointer<fp_plugin>) throws -> fp_plugin {
        let head = UnsafeRawPointer(pointer).loadUnaligned(as: fp_head.self)
        guard head.magic == FP_MAGIC else { throw Broken("its table does not begin with FP_MAGIC", .slot("fp_head")) }
        guard head.abi_major == FP_ABI_MAJOR else {
            throw Broken("it is built for ABI \(head.abi_major), where this kit tests ABI 1", .slot("fp_head"))
        }
        var table = fp_plugin()
        withUnsafeMutableBytes(of: &table) { copy in
            let count = min(copy.count, Int(head.struct_size))
            copy.copyBytes(from: UnsafeRawBufferPointer(start: pointer, count: count))
        }
        return table
    }
}
