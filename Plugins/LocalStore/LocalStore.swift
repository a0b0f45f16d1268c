import CLinux
import FPPluginKit
import Glibc
import Synchronization

/// Objects as files below one directory of a file system of this machine.
///
/// A key is a path below the location. Writes are staged in files without a name or below ".fp" and get their name in
/// one step of the kernel.
final class LocalStore: PluginStore {
    let tree: Tree
    private let sharesBlocks = Atomic<Bool>(false)

    static let plugin = PluginDescription(
        name: "LocalStore",
        version: "1.0.0",
        vendor: "fphost",
        license: "BSD-3-Clause",
        summary: "Keeps files in a directory of this machine.",
        threading: .parallel,
        options: Settings.declarations
    )

    static func validate(_ config: ConfigNode, _ host: Host, _ call: borrowing Call) throws(PluginError) {
        try LocationProblem.check(try Settings(config).location)
    }

    init(_ config: ConfigNode, _ host: Host, _ call: borrowing Call) throws(PluginError) {
        tree = Tree(try Settings(config))
        do throws(PluginError) {
            let root = try tree.root()
            sharesBlocks.store(Self.sharesBlocks(below: root), ordering: .relaxed)
        } catch {
            // A disk that is away may come back: the host starts, and reports the store as down until then.
            guard error.code != .config else { throw error }
            host.log(.warning, "\(error.message)")
        }
    }

    var capabilities: Capabilities {
        var flags: Capabilities.Flags = [
            .resumable, .durableTail, .atomicCreate, .powerDurable, .readAfterWrite, .list, .listOrdered, .listPending,
            .move, .moveAtomic, .ifMatch, .space, .fenced, .rewind,
        ]
        if tree.settings.allowOverwrite { flags.insert(.atomicReplace) }
        if sharesBlocks.load(ordering: .relaxed) { flags.insert(.copy) }
        var capabilities = Capabilities(flags, threading: .parallel)
        capabilities.writerMemory = 4 << 10
        capabilities.readerMemory = 1 << 10
        return capabilities
    }

    func health(deep: Bool, _ call: borrowing Call) throws(PluginError) -> Health {
        let health = try tree.health(deep: deep)
        if !sharesBlocks.load(ordering: .relaxed), let root = try? tree.root(), Self.sharesBlocks(below: root) {
            sharesBlocks.store(true, ordering: .relaxed)
        }
        return health
    }

    func stat(_ key: Key, _ call: borrowing Call) throws(PluginError) -> ObjectInfo {
        try tree.status(of: key).objectInfo
    }

    func openReader(
        _ request: ReadRequest, _ call: borrowing Call
    ) throws(PluginError) -> (reader: any PluginReader, info: ObjectInfo) {
        let object = try tree.openObject(request.key, ifMatch: request.ifMatch)
        let info = object.status.objectInfo
        return (LocalReader(object.take(), key: request.key, at: request.offset), info)
    }

    func beginWrite(_ request: WriteRequest, _ call: borrowing Call) throws(PluginError) -> BegunWrite {
        let staged =
            request.isResumable
            ? try tree.stageSession(request.key, ifNotExists: request.ifNotExists) : try tree.stageOnce(request.key)
        let replaces = tree.settings.allowOverwrite && !request.ifNotExists
        let writer = LocalWriter(
            staged, key: request.key, replaces: replaces, outlivesClose: request.isResumable, at: 0)
        return BegunWrite(writer: writer, token: request.isResumable ? staged.session?.bytes ?? [] : [])
    }

    func remove(_ key: Key, _ call: borrowing Call) throws(PluginError) {
        let root = try tree.root()
        let isRemoved = try tree.changing("removing \"\(key)\"") { () throws(SystemError) in
            do throws(SystemError) {
                let directory = try tree.directory(key.directory, in: root)
                try check(unlinkat(directory.raw, key.name, 0))
                // Else a loss of power brings back a file that nobody's record names.
                if tree.syncsForPower.load(ordering: .relaxed) { try directory.sync() }
                return true
            } catch {
                // Directories are no objects: their keys are absent.
                guard [ENOENT, ENOTDIR, EISDIR].contains(error.number) else { throw error }
                return false
            }
        }
        // An earlier remove may have been killed between the two.
        if isRemoved { tree.prune(key.directory) } else { tree.pruneLeftovers(key.directory) }
    }

    private static func sharesBlocks(below root: Int32) -> Bool {
        let flags = cl_o_tmpfile | O_RDWR | O_CLOEXEC
        guard let one = try? Descriptor(cl_open(root, ".", flags, 0o600)),
            let other = try? Descriptor(cl_open(root, ".", flags, 0o600))
        else { return false }
        return cl_clone(one.raw, other.raw) == 0
    }
}

extension LocalStore: ResumableStore {
    func resumeWrite(_ request: ResumeRequest, _ call: borrowing Call) throws(PluginError) -> ResumedWrite {
        guard let token = SessionToken(request.token) else {
            throw PluginError(.gone, "the token of the upload is none of this plugin's")
        }
        switch try tree.resume(token, at: request.offset) {
        case .committed: return .committed
        case .open(let staged, let offset):
            let writer = LocalWriter(
                staged, key: token.key, replaces: tree.settings.allowOverwrite && !token.ifNotExists,
                outlivesClose: true, at: offset)
            return .open(writer, WriteProgress(durableOffset: offset))
        }
    }

    func discardWrite(_ token: [UInt8], _ call: borrowing Call) throws(PluginError) {
        guard let token = SessionToken(token) else { return }
        try tree.discard(token.id, token.key)
    }
}

extension LocalStore: FileReadingStore {}
