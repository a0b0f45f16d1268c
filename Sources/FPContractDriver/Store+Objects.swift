import FPPluginAPI
import Glibc

/// What the plugin says about an object.
package struct Info: Equatable, Sendable {
    package var size: UInt64
    /// Nanoseconds of Unix time; FP_TIME_UNKNOWN.
    package var modified: Int64
    /// Changes whenever the content does; empty if there is none.
    package var etag: String
    package var contentType: String
    /// FP_DIGEST_*, of the whole object.
    package var digestAlgorithm: UInt32
    package var digest: [UInt8]
}

extension Store {
    package func stat(_ key: String, flags: UInt32 = 0) throws -> Info {
        guard let slot = slots.stat else { throw Broken("stat is NULL", .slot("fp_plugin")) }
        return try withInfo("stat") { info in
            try lend(key) { key in try current.perform("stat") { slot(instance, $0, key, flags, info) } }
        }
    }

    /// Nil if there is no such object.
    package func lookup(_ key: String) throws -> Info? {
        do {
            return try stat(key)
        } catch let failure as Failure where failure.status == FP_E_NOT_FOUND {
            return nil
        }
    }

    /// The result of a copy or move.
    package struct Copied: Sendable {
        package let info: Info
        /// FP_COPYR_*.
        package let flags: UInt32
    }

    /// Copies or moves an object, by `fp.transfer/1` if it is in another store of the same library.
    @discardableResult
    package func copy(
        _ source: String, to target: String, flags: UInt32 = 0, ifMatch: String? = nil, contentType: String? = nil,
        from other: Store? = nil
    ) throws -> Copied {
        var result: UInt32 = 0
        let slot = other == nil ? "copy" : "transfer"
        let info = try withInfo(slot) { info in
            try lend(source) { source in
                try lend(target) { target in
                    try lend(optional: ifMatch) { etag in
                        try lend(optional: contentType) { type in
                            var request = fp_copy_req()
                            request.flags = flags
                            request.src = source
                            request.dst = target
                            request.if_match = etag
                            request.content_type = type
                            try shape.lend(request) { request in
                                try current.perform(slot) { call in
                                    guard let other else {
                                        return slots.copy?(instance, call, request, &result, info) ?? FP_E_UNSUPPORTED
                                    }
                                    return transferSlot?(instance, call, other.instance, request, &result, info)
                                        ?? FP_E_UNSUPPORTED
                                }
                            }
                        }
                    }
                }
            }
        }
        return Copied(info: info, flags: result)
    }

    package typealias TransferSlot =
        @convention(c) (
            OpaquePointer?, UnsafePointer<fp_call>?, OpaquePointer?, UnsafePointer<fp_copy_req>?,
            UnsafeMutablePointer<UInt32>?, UnsafeMutablePointer<fp_info>?
        ) -> fp_status

    /// The function of the extension `fp.transfer/1`; nil if the library does not offer it.
    package var transferSlot: TransferSlot? {
        slots.get_extension?(instance, FP_EXT_TRANSFER)?.assumingMemoryBound(to: fp_ext_transfer.self).pointee.transfer
    }

    /// A link by which a client fetches an object directly.
    /// - Parameters:
    ///   - method: FP_PRESIGN_*.
    ///   - seconds: for how long it holds.
    ///   - contentType: overrides the response's, as does `contentDisposition`.
    /// - Returns: the link, and when it ends in milliseconds of Unix time.
    package func presign(
        _ key: String, method: UInt32 = FP_PRESIGN_GET, seconds: UInt32 = 60, contentType: String? = nil,
        contentDisposition: String? = nil, flags: UInt32 = 0
    ) throws -> (url: String, expires: Int64) {
        let url = GuardedBuffer(Int(FP_URL_MAX))
        var result = fp_presign_res()
        result.url = url.buffer
        let (_, filled) = try shape.lendOutput(result, of: "presign", buffers: [\.url]) { result in
            try lend(key) { key in
                try lend(optional: contentType) { type in
                    try lend(optional: contentDisposition) { disposition in
                        var request = fp_presign_req()
                        request.flags = flags
                        request.method = method
                        request.ttl_s = seconds
                        request.key = key
                        request.content_type = type
                        request.content_disposition = disposition
                        try shape.lend(request) { request in
                            try current.perform("presign") {
                                slots.presign?(instance, $0, request, result) ?? FP_E_UNSUPPORTED
                            }
                        }
                    }
                }
            }
        }
        try url.check("presign")
        return (filled.url.string, filled.expires_ms)
    }

    /// Lets a slot fill an info record and checks that it stayed within its buffers.
    package func withInfo(_ slot: String, _ body: (UnsafeMutablePointer<fp_info>) throws -> Void) throws -> Info {
        let etag = GuardedBuffer(Int(FP_ETAG_MAX))
        let type = GuardedBuffer(Int(FP_CTYPE_MAX))
        let digest = GuardedBuffer(Int(FP_DIGEST_MAX))
        var info = fp_info()
        info.etag = etag.buffer
        info.content_type = type.buffer
        info.digest = digest.buffer
        let (_, filled) = try shape.lendOutput(
            info, of: slot, buffers: [\.etag, \.content_type, \.digest], { try body($0) })
        for buffer in [etag, type, digest] { try buffer.check(slot) }
        return Info(
            size: filled.size, modified: filled.mtime_ns, etag: filled.etag.string,
            contentType: filled.content_type.string, digestAlgorithm: filled.digest_alg, digest: filled.digest.array)
    }
}
