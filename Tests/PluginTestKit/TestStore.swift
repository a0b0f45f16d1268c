import FPPluginAPI
import Glibc

/// A store behind the C table, driven as the host drives it.
package final class TestStore: @unchecked Sendable {
    // Only constants, and the plugin says that its calls may run side by side: hence Sendable by hand.
    package let library: PluginLibrary
    package let instance: OpaquePointer
    private var table: fp_plugin { library.table.pointee }

    /// Creates a store from options: text, and the number for flags and sizes.
    package init(
        _ library: PluginLibrary, _ options: [String: String], host: HostRecord = .shared
    ) throws(Failure) {
        self.library = library
        var made: OpaquePointer?
        let create = library.table.pointee.create
        try withConfig(options) { config throws(Failure) in
            try perform { call in host.withPointer { create?($0, config, call, &made) ?? FP_E_UNSUPPORTED } }
        }
        guard let made else { preconditionFailure("create succeeded without a store") }
        instance = made
    }

    deinit { table.destroy?(instance) }

    /// Runs the plugin's offline check.
    package static func validate(_ library: PluginLibrary, _ options: [String: String]) throws(Failure) {
        let validate = library.table.pointee.validate
        try withConfig(options) { config throws(Failure) in
            try perform { call in HostRecord.shared.withPointer { validate?($0, config, call) ?? FP_OK } }
        }
    }

    package var caps: fp_caps {
        var caps = fp_caps()
        caps.struct_size = UInt32(MemoryLayout<fp_caps>.size)
        _ = table.caps?(instance, &caps)
        return caps
    }

    /// What the plugin says about an object.
    package struct Info: Equatable, Sendable {
        package var size: UInt64
        package var modified: Int64
        package var etag: String
        package var contentType: String
    }

    package func health(deep: Bool = false) throws(Failure) -> (
        state: UInt32, limits: UInt32, free: UInt64, detail: String
    ) {
        let room = Room(512)
        var health = fp_health()
        health.struct_size = UInt32(MemoryLayout<fp_health>.size)
        health.detail = room.buffer
        try perform { table.health?(instance, $0, deep ? FP_HEALTHF_DEEP : 0, &health) ?? FP_E_UNSUPPORTED }
        return (health.state, health.limits, health.free_bytes, health.detail.string)
    }

    package func stat(_ key: String, _ options: CallOptions = .ambient) throws(Failure) -> Info {
        try withInfo { info throws(Failure) in
            try perform(options) { call in
                lend(key) { table.stat?(instance, call, $0, 0, info) ?? FP_E_UNSUPPORTED }
            }
        }
    }

    /// Nil if there is no such object.
    package func lookup(_ key: String) throws(Failure) -> Info? {
        do throws(Failure) {
            return try stat(key)
        } catch {
            if error.status == FP_E_NOT_FOUND { return nil }
            throw error
        }
    }

    package func remove(_ key: String) throws(Failure) {
        try perform { call in lend(key) { table.remove?(instance, call, $0, 0) ?? FP_E_UNSUPPORTED } }
    }

    package func discard(_ token: [UInt8]) throws(Failure) {
        try perform { call in lend(token) { table.write_discard?(instance, call, $0) ?? FP_E_UNSUPPORTED } }
    }

    /// The result of a copy or move.
    package struct Copied: Sendable {
        package let info: Info
        package let flags: UInt32
    }

    @discardableResult
    package func copy(
        _ source: String, to target: String, flags: UInt32 = 0, ifMatch: String = "", contentType: String = "",
        from other: TestStore? = nil
    ) throws(Failure) -> Copied {
        var result: UInt32 = 0
        let info = try withInfo { info throws(Failure) in
            try perform { call in
                lend(source) { source in
                    lend(target) { target in
                        lend(ifMatch) { etag in
                            lend(contentType) { type in
                                var request = fp_copy_req()
                                request.struct_size = UInt32(MemoryLayout<fp_copy_req>.size)
                                request.flags = flags
                                request.src = source
                                request.dst = target
                                if !ifMatch.isEmpty { request.if_match = etag }
                                if !contentType.isEmpty { request.content_type = type }
                                guard let other else {
                                    return table.copy?(instance, call, &request, &result, info) ?? FP_E_UNSUPPORTED
                                }
                                let offer = table.get_extension?(instance, FP_EXT_TRANSFER)?
                                    .assumingMemoryBound(to: fp_ext_transfer.self)
                                return offer?.pointee.transfer(instance, call, other.instance, &request, &result, info)
                                    ?? FP_E_UNSUPPORTED
                            }
                        }
                    }
                }
            }
        }
        return Copied(info: info, flags: result)
    }

    /// Lets a slot fill an info record and checks that it stayed within its buffers.
    func withInfo(_ body: (UnsafeMutablePointer<fp_info>) throws(Failure) -> Void) throws(Failure) -> Info {
        let etag = Room(Int(FP_ETAG_MAX))
        let type = Room(Int(FP_CTYPE_MAX))
        var info = fp_info()
        info.struct_size = UInt32(MemoryLayout<fp_info>.size)
        info.etag = etag.buffer
        info.content_type = type.buffer
        try body(&info)
        precondition(etag.isIntact && type.isIntact, "the plugin wrote beyond a buffer")
        return Info(
            size: info.size, modified: info.mtime_ns, etag: info.etag.string, contentType: info.content_type.string)
    }
}

/// Builds the tree of options as a host would: a map of scalars, and of maps for names with a dot.
func withConfig(
    _ options: [String: String], _ body: (UnsafePointer<fp_node>) throws(Failure) -> Void
) throws(Failure) {
    var nodes: [UnsafeMutablePointer<fp_node>] = []
    var texts: [UnsafeMutablePointer<CChar>] = []
    defer {
        for node in nodes { node.deallocate() }
        for text in texts { free(text) }
    }
    func text(_ string: String) -> fp_str {
        guard let copy = strdup(string) else { return fp_str() }
        texts.append(copy)
        return fp_str(ptr: copy, len: string.utf8.count)
    }
    func node(_ key: String, _ value: String?, _ members: [String: String]) -> UnsafeMutablePointer<fp_node> {
        let made = UnsafeMutablePointer<fp_node>.allocate(capacity: 1)
        made.initialize(to: fp_node())
        nodes.append(made)
        made.pointee.struct_size = UInt32(MemoryLayout<fp_node>.size)
        made.pointee.type = value == nil ? FP_N_MAP : FP_N_SCALAR
        made.pointee.line = UInt32(nodes.count + 8)
        if !key.isEmpty { made.pointee.key = text(key) }
        if let value {
            made.pointee.text = text(value)
            made.pointee.i64 = value == "true" ? 1 : Int64(value) ?? 0
            made.pointee.f64 = Double(value) ?? 0
        }
        var last: UnsafeMutablePointer<fp_node>?
        let names = Set(members.keys.map { String($0.prefix { $0 != "." }) })
        for name in names.sorted() {
            var inner: [String: String] = [:]
            for member in members where member.key.hasPrefix(name + ".") {
                inner[String(member.key.dropFirst(name.count + 1))] = member.value
            }
            let child = node(name, members[name], inner)
            if let last { last.pointee.next = UnsafePointer(child) } else { made.pointee.child = UnsafePointer(child) }
            last = child
        }
        return made
    }
    try body(node("", nil, options))
}

extension TestStore {
    /// A URL for direct access.
    package func presign(
        _ key: String, method: UInt32 = FP_PRESIGN_GET, life: UInt32, type: String = "", disposition: String = ""
    ) throws(Failure) -> String {
        let room = Room(Int(FP_URL_MAX))
        var result = fp_presign_res()
        result.struct_size = UInt32(MemoryLayout<fp_presign_res>.size)
        result.url = room.buffer
        try perform { call in
            lend(key) { key in
                lend(type) { type in
                    lend(disposition) { disposition in
                        var request = fp_presign_req()
                        request.struct_size = UInt32(MemoryLayout<fp_presign_req>.size)
                        request.method = method
                        request.ttl_s = life
                        request.key = key
                        if type.len > 0 { request.content_type = type }
                        if disposition.len > 0 { request.content_disposition = disposition }
                        return table.presign?(instance, call, &request, &result) ?? FP_E_UNSUPPORTED
                    }
                }
            }
        }
        return result.url.string
    }
}
