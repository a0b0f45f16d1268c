import FPFormats
import FPPluginAPI
import Glibc
import Logging
import Synchronization

/// A loaded plugin. It stays loaded for the life of the process: unloading code that threads, thread-local destructors
/// or a language runtime may still return to crashes the host.
///
/// `@unchecked Sendable`: everything but the lock-guarded extension cache is constant once `load` has returned.
public final class PluginLibrary: @unchecked Sendable {
    /// The file, without symbolic links.
    public let path: String
    /// Major version of the contract that the plugin was built for.
    public let abiMajor: UInt32
    /// Minor version of the contract that the plugin was built for.
    public let abiMinor: UInt32
    /// The size in bytes of the plugin's table.
    public let structSize: UInt32

    let table: PluginTable
    let host: HostTable
    /// One call at a time for the whole library: its life cycle, and all of its calls if it is SERIAL_LIBRARY.
    let control: WorkerPool

    /// The plugin's name, which is also the file's.
    public var name: String { table.name }
    /// The plugin's version.
    public var version: String { table.version }
    /// Who made it.
    public var vendor: String { Self.text(table.raw.vendor) }
    /// The licence it is under.
    public var license: String { Self.text(table.raw.license) }
    /// Where to find out more.
    public var url: String { Self.text(table.raw.url) }
    /// What it is, in a line.
    public var summary: String { Self.text(table.raw.description) }
    /// How many calls at once its stores bear at the most.
    public var threadingMax: StoreThreading { table.threadingMax }
    /// The options that its stores take.
    public var options: [OptionSchema] { table.options }
    /// The optional slots of the contract, and whether the plugin has them.
    public var optionalSlots: [(name: String, present: Bool)] { table.optionalSlots }

    private init(path: String, table: PluginTable, host: HostTable) {
        self.path = path
        self.table = table
        self.host = host
        abiMajor = table.raw.head.abi_major
        abiMinor = table.raw.head.abi_minor
        structSize = table.raw.head.struct_size
        control = WorkerPool(
            name: "fp-\(table.name)", size: 1, queueBound: 1024, replacements: 0, idleThreadLifetime: .seconds(10))
        Watchdog.shared.register(control)
    }

    /// What stands for a plugin that must not be loaded.
    static func standIn(for plugin: String, path: String, host: HostTable) -> PluginLibrary {
        PluginLibrary(path: path, table: PluginTable(standInFor: plugin), host: host)
    }

    /// Loads a plugin, or returns the one that is loaded from the same file. Blocks for as long as the plugin's own
    /// start takes, so never on an event loop.
    /// - Throws: ``PluginLoadError``: what was expected, what was found, what to do.
    public static func load(
        path: String, expectedName: String, sha256: String? = nil, host: PluginHostInfo, logger: Logger
    ) throws(PluginLoadError) -> PluginLibrary {
        let file = try TrustedFile(path: path, sha256: sha256)
        try LibraryHeader.check(file)
        // A plugin that writes to a connection which the peer has closed must get EPIPE, not end the process.
        signal(SIGPIPE, SIG_IGN)
        let result: Result<PluginLibrary, PluginLoadError> = loaded.withLock { loaded in
            do throws(PluginLoadError) {
                let handle = try SharedObject.open(file.path)
                if let library = loaded[handle] { return .success(library) }
                let library = try start(file.path, handle, expectedName, host, logger)
                loaded[handle] = library
                return .success(library)
            } catch {
                return .failure(error)
            }
        }
        let library = try result.get()
        guard library.name == expectedName else {
            throw PluginLoadError(
                .wrongName, plugin: file.path,
                message: "it calls itself \"\(library.name)\", where \"\(expectedName)\" is expected.")
        }
        return library
    }

    /// Checks a plugin's file without running any of its code: who may change it, its digest, what machine it is for.
    /// - Throws: ``PluginLoadError``: what was expected, what was found, what to do.
    public static func examine(path: String, sha256: String? = nil) throws(PluginLoadError) {
        try LibraryHeader.check(try TrustedFile(path: path, sha256: sha256))
    }

    /// Loads the plugin that a store names.
    /// - Throws: ``PluginLoadError``: what was expected, what was found, what to do.
    public static func load(
        _ reference: PluginReference, from directory: PluginDirectory, host: PluginHostInfo, logger: Logger
    ) throws(PluginLoadError) -> PluginLibrary {
        let location = try directory.locate(reference)
        return try load(
            path: location.path, expectedName: location.name, sha256: reference.sha256, host: host, logger: logger)
    }

    /// What the plugin says of itself beyond its table: library versions and the like, without secrets.
    public func dump() -> [(String, String)] {
        guard let dump = table.raw.dump else { return [] }
        final class Lines {
            var found: [(String, String)] = []
        }
        let lines = Lines()
        dump(
            { context, key, value in
                guard let context else { return }
                Unmanaged<Lines>.fromOpaque(context).takeUnretainedValue().found.append(
                    (key.string.singleLine, value.string.singleLine))
            }, Unmanaged.passUnretained(lines).toOpaque())
        return lines.found
    }

    /// Those of the extensions known to this host that the library offers for all its stores.
    public var extensionIDs: [String] {
        [FP_EXT_TRANSFER, FP_EXT_READ_FD].filter { table.raw.get_extension?(nil, $0) != nil }
    }

    // MARK: - Loading

    /// Keyed by the handle of `dlopen`: the same for every path to one file, another once the file has been replaced.
    private static let loaded = Mutex<[SharedObject: PluginLibrary]>([:])

    private static func start(
        _ path: String, _ handle: SharedObject, _ expectedName: String, _ info: PluginHostInfo, _ logger: Logger
    ) throws(PluginLoadError) -> PluginLibrary {
        let entry = try handle.entryPoint(path: path)
        var logger = logger
        logger[metadataKey: "plugin"] = .string(expectedName)
        let host = HostTable(info: info, log: PluginLog(logger: logger))
        guard let pointer = entry(host.pointer) else {
            throw PluginLoadError(
                .refusedHost, plugin: path,
                message:
                    "it refuses this host, which speaks ABI \(FP_ABI_MAJOR).\(FP_ABI_MINOR): it needs a newer one. "
                    + "Install a newer host, or an older release of the plugin.")
        }
        let table = try PluginTable(pointer, path: path, expectedName: expectedName)
        let library = PluginLibrary(path: path, table: table, host: host)
        try library.callLoad()
        return library
    }

    private func callLoad() throws(PluginLoadError) {
        guard let load = table.raw.load else { return }
        let host = host
        let site = CallSite(
            store: name, operation: .load, observer: nil, journalEntry: CallJournal.entry(store: name, plugin: path))
        let call = BlockingCall<Void>(site, deadline: .now + .seconds(5), grace: .seconds(5), requestContext: nil) {
            context throws(StoreError) in
            let (status, failure) = context.perform { load(host.pointer, $0) }
            if status != FP_OK {
                throw StoreError(
                    .init(status: status), store: site.store, operation: site.operation.rawValue,
                    message: failure?.message.singleLine ?? "")
            }
        }
        do throws(StoreError) {
            try call.wait(in: control, lane: .control)
        } catch {
            throw PluginLoadError(
                .startFailed, plugin: path,
                message: "its own start failed: \(error.message.isEmpty ? "\(error.code)" : error.message).")
        }
    }

    private static func text(_ pointer: UnsafePointer<CChar>?) -> String {
        pointer.map { String(cString: $0).singleLine } ?? ""
    }
}

/// What `dlopen` gave. Never closed.
///
/// `@unchecked Sendable`: it is an address.
struct SharedObject: Hashable, @unchecked Sendable {
    private let handle: UnsafeMutableRawPointer

    typealias EntryPoint = @convention(c) (UnsafePointer<fp_host>?) -> UnsafePointer<fp_plugin>?

    static func open(_ path: String) throws(PluginLoadError) -> SharedObject {
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | Int32(RTLD_NODELETE)) else {
            let reason = dlerror().map { String(cString: $0) } ?? "no reason given"
            let advice =
                reason.contains("cannot open shared object file")
                ? "Install the library that it names." : "Install the plugin's build for this system."
            throw PluginLoadError(
                .linkFailed, plugin: path, message: "the dynamic linker refuses it: \(reason.singleLine). \(advice)")
        }
        return SharedObject(handle: handle)
    }

    func entryPoint(path: String) throws(PluginLoadError) -> EntryPoint {
        if let symbol = dlsym(handle, FP_ENTRY_SYMBOL) { return unsafeBitCast(symbol, to: EntryPoint.self) }
        for major in (FP_ABI_MAJOR + 1)...(FP_ABI_MAJOR + 15) where dlsym(handle, "fp_plugin_entry_v\(major)") != nil {
            throw PluginLoadError(
                .newerHostNeeded, plugin: path,
                message:
                    "it exports fp_plugin_entry_v\(major) but no \(FP_ENTRY_SYMBOL): it is built for a newer host. "
                    + "Install a newer host, or an older release of the plugin.")
        }
        throw PluginLoadError(
            .noEntryPoint, plugin: path,
            message: "it exports no function \(FP_ENTRY_SYMBOL), so it is no storage plugin. End its source with "
                + "FP_PLUGIN_REGISTER, and let the linker export that symbol.")
    }
}
