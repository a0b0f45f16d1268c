import FPPluginAPI
import Glibc

/// What the plugin says about an object.
struct Info: Equatable {
    var size: UInt64
    var modified: Int64
    var etag: String
    var contentType: String
    var digestAlgorithm: UInt32
    var digest: [UInt8]
}

extension Store {
    func stat(_ key: String, flags: UInt32 = 0) throws -> Info {
        guard let slot = table.stat else { throw Broken("stat is NULL", .slot("fp_plugin")) }
        return try withInfo("stat") { info in
            try lend(key) { key in try invocation.perform("stat") { slot(instance, $0, key, flags, info) } }
        }
    }

    /// Nil if there is no such object.
    func lookup(_ key: String) throws -> Info? {
        do {
            return try stat(key)
        } catch let failure as Failure where failure.status == FP_E_NOT_FOUND {
            return nil
        }
    }

    /// The result of a copy or move.
    struct Copied {
        let info: Info
        let flags: UInt32
    }

    func copy(
        _ source: String, to target: String, flags: UInt32 = 0, ifMatch: String? = nil, from other: Store? = nil
    ) throws -> Copied {
        var result: UInt32 = 0
        let slot = other == nil ? "copy" : "transfer"
        let info = try withInfo(slot) { info in
            try lend(source) { source in
                try lend(target) { target in
                    try lend(optional: ifMatch) { etag in
                        var request = fp_copy_req()
                        request.flags = flags
                        request.src = source
                        request.dst = target
                        request.if_match = etag
                        try shape.lend(request) { request in
                            try invocation.perform(slot) { call in
                                guard let other else {
                                    return table.copy?(instance, call, request, &result, info) ?? FP_E_UNSUPPORTED
                                }
                                return transferSlot?(instance, call, other.instance, request, &result, info)
                                    ?? FP_E_UNSUPPORTED
                            }
                        }
                    }
                }
            }
        }
        return Copied(info: info, flags: result)
    }

    typealias TransferSlot =
        @convention(c) (
            OpaquePointer?, UnsafePointer<fp_call>?, OpaquePointer?, UnsafePointer<fp_copy_req>?,
            UnsafeMutablePointer<UInt32>?, UnsafeMutablePointer<fp_info>?
        ) -> fp_status

    var transferSlot: TransferSlot? {
        table.get_extension?(instance, FP_EXT_TRANSFER)?.assumingMemoryBound(to: fp_ext_transfer.self).pointee.transfer
    }

    /// What may be overridden in a link, and for how long it holds.
    struct LinkRequest {
        var method: UInt32 = FP_PRESIGN_GET
        var seconds: UInt32 = 60
        var contentType: String?
        var contentDisposition: String?
        var flags: UInt32 = 0
    }

    func presign(_ key: String, _ wanted: LinkRequest = LinkRequest()) throws -> (url: String, expires: Int64) {
        let room = Room(Int(FP_URL_MAX))
        var result = fp_presign_res()
        result.url = room.buffer
        let (_, filled) = try shape.lendOutput(result, of: "presign", buffers: [\.url]) { result in
            try lend(key) { key in
                try lend(optional: wanted.contentType) { type in
                    try lend(optional: wanted.contentDisposition) { disposition in
                        var request = fp_presign_req()
                        request.flags = wanted.flags
                        request.method = wanted.method
                        request.ttl_s = wanted.seconds
                        request.key = key
                        request.content_type = type
                        request.content_disposition = disposition
                        try shape.lend(request) { request in
                            try invocation.perform("presign") {
                                table.presign?(instance, $0, request, result) ?? FP_E_UNSUPPORTED
                            }
                        }
                    }
                }
            }
        }
        try room.check("presign")
        return (filled.url.string, filled.expires_ms)
    }

    /// Lets a slot fill an info record and checks that it stayed within its buffers.
    func withInfo(_ slot: String, _ body: (UnsafeMutablePointer<fp_info>) throws -> Void) throws -> Info {
        let etag = Room(Int(FP_ETAG_MAX))
        let type = Room(Int(FP_CTYPE_MAX))
        let digest = Room(Int(FP_DIGEST_MAX))
        var info = fp_info()
        info.etag = etag.buffer
        info.content_type = type.buffer
        info.digest = digest.buffer
        let (_, filled) = try shape.lendOutput(
            info, of: slot, buffers: [\.etag, \.content_type, \.digest], { try body($0) })
        for room in [etag, type, digest] { try room.check(slot) }
        return Info(
            size: filled.size, modified: filled.mtime_ns, etag: filled.etag.string,
            contentType: filled.content_type.string, digestAlgorithm: filled.digest_alg, digest: filled.digest.array)
    }
}
