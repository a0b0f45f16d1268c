import FPPluginAPI

func slotHealth(
    _ instance: OpaquePointer?, _ call: UnsafePointer<fp_call>?, _ flags: UInt32,
    _ out: UnsafeMutablePointer<fp_health>?
) -> fp_status {
    perform(call) { (call) throws(PluginError) in
        try refuseUnknown(flags, known: FP_HEALTHF_DEEP, of: "health")
        let handle = try Handle.object(instance, as: StoreHandle.self)
        let health = try handle.store.health(deep: flags & FP_HEALTHF_DEEP != 0, call)
        if let out { withHostStruct(out) { health.fill(&$0) } }
    }
}

func slotStat(
    _ instance: OpaquePointer?, _ call: UnsafePointer<fp_call>?, _ key: fp_str, _ flags: UInt32,
    _ out: UnsafeMutablePointer<fp_info>?
) -> fp_status {
    perform(call) { (call) throws(PluginError) in
        try refuseUnknown(flags, known: 0, of: "stat")
        let handle = try Handle.object(instance, as: StoreHandle.self)
        let info = try handle.store.stat(try key.key(), call)
        if let out { withHostStruct(out) { info.fill(&$0) } }
    }
}

func slotReadOpen(
    _ instance: OpaquePointer?, _ call: UnsafePointer<fp_call>?, _ request: UnsafePointer<fp_read_req>?,
    _ out: UnsafeMutablePointer<OpaquePointer?>?, _ infoOut: UnsafeMutablePointer<fp_info>?
) -> fp_status {
    out?.pointee = nil
    return perform(call) { (call) throws(PluginError) in
        guard let out else { throw PluginError(.invalid, "read_open: the host passed no place for the reader") }
        let handle = try Handle.object(instance, as: StoreHandle.self)
        let request = try ReadRequest(readHostStruct(try required(request, "request")))
        let (reader, info) = try handle.store.openReader(request, call)
        do throws(PluginError) {
            let promised = try request.promisedBytes(ofObjectWith: info.size)
            out.pointee = Handle.make(ReaderHandle(reader, key: request.key, promised: promised))
        } catch {
            reader.close()
            throw error
        }
        if let infoOut { withHostStruct(infoOut) { info.fill(&$0) } }
    }
}

func slotRead(
    _ reader: OpaquePointer?, _ call: UnsafePointer<fp_call>?, _ buffer: UnsafeMutableRawPointer?, _ capacity: Int,
    _ count: UnsafeMutablePointer<Int>?
) -> fp_status {
    count?.pointee = 0
    return perform(call) { (call) throws(PluginError) in
        let handle = try Handle.object(reader, as: ReaderHandle.self)
        let room = UnsafeMutableRawBufferPointer(start: buffer, count: buffer == nil ? 0 : capacity)
        count?.pointee = try handle.read(into: room, call)
    }
}

func slotReadFD(
    _ reader: OpaquePointer?, _ call: UnsafePointer<fp_call>?, _ out: UnsafeMutablePointer<fp_file_piece>?
) -> fp_status {
    perform(call) { (call) throws(PluginError) in
        guard let out else { throw PluginError(.invalid, "read_fd: the host passed no place for the file") }
        guard let piece = try Handle.object(reader, as: ReaderHandle.self).file(call) else {
            throw PluginError(.unsupported, "this reader has no file")
        }
        withHostStruct(out) {
            $0.fd = piece.descriptor
            $0.offset = piece.offset
            $0.length = piece.length
        }
    }
}

func slotReadClose(_ reader: OpaquePointer?) { Handle.take(reader, as: ReaderHandle.self)?.close() }

func slotRemove(
    _ instance: OpaquePointer?, _ call: UnsafePointer<fp_call>?, _ key: fp_str, _ flags: UInt32
) -> fp_status {
    perform(call) { (call) throws(PluginError) in
        try refuseUnknown(flags, known: 0, of: "remove")
        try Handle.object(instance, as: StoreHandle.self).store.remove(try key.key(), call)
    }
}

func slotCopy(
    _ instance: OpaquePointer?, _ call: UnsafePointer<fp_call>?, _ request: UnsafePointer<fp_copy_req>?,
    _ resultFlags: UnsafeMutablePointer<UInt32>?, _ infoOut: UnsafeMutablePointer<fp_info>?
) -> fp_status {
    perform(call) { (call) throws(PluginError) in
        guard let store = try Handle.object(instance, as: StoreHandle.self).copying else {
            throw PluginError(.unsupported, "this store does not copy")
        }
        let request = try CopyRequest(readHostStruct(try required(request, "request")))
        try store.copy(request, call).report(resultFlags, infoOut)
    }
}

func slotTransfer(
    _ target: OpaquePointer?, _ call: UnsafePointer<fp_call>?, _ source: OpaquePointer?,
    _ request: UnsafePointer<fp_copy_req>?, _ resultFlags: UnsafeMutablePointer<UInt32>?,
    _ infoOut: UnsafeMutablePointer<fp_info>?
) -> fp_status {
    func transfer<Target: TransferringStore>(
        to target: Target, from source: any PluginStore, _ request: CopyRequest, _ call: borrowing Call
    ) throws(PluginError) -> CopyOutcome {
        guard let source = source as? Target else {
            throw PluginError(.unsupported, "transfer: the stores are of different kinds")
        }
        return try target.transfer(from: source, request, call)
    }
    return perform(call) { (call) throws(PluginError) in
        guard let target = try Handle.object(target, as: StoreHandle.self).transferring else {
            throw PluginError(.unsupported, "this store does not transfer")
        }
        let source = try Handle.object(source, as: StoreHandle.self).store
        let request = try CopyRequest(readHostStruct(try required(request, "request")))
        try transfer(to: target, from: source, request, call).report(resultFlags, infoOut)
    }
}

extension CopyOutcome {
    fileprivate func report(_ flags: UnsafeMutablePointer<UInt32>?, _ infoOut: UnsafeMutablePointer<fp_info>?) {
        flags?.pointee = (streamed ? FP_COPYR_STREAMED : 0) | (atomic ? FP_COPYR_ATOMIC : 0)
        if let infoOut { withHostStruct(infoOut) { info.fill(&$0) } }
    }
}

func slotPresign(
    _ instance: OpaquePointer?, _ call: UnsafePointer<fp_call>?, _ request: UnsafePointer<fp_presign_req>?,
    _ out: UnsafeMutablePointer<fp_presign_res>?
) -> fp_status {
    perform(call) { (call) throws(PluginError) in
        guard let store = try Handle.object(instance, as: StoreHandle.self).presigning else {
            throw PluginError(.unsupported, "this store does not presign")
        }
        let made = try store.presign(try PresignRequest(readHostStruct(try required(request, "request"))), call)
        guard let out else { return }
        var fits = true
        withHostStruct(out) {
            $0.expires_ms = made.expiresMilliseconds
            fits = $0.url.fill(whole: made.url.utf8)
        }
        guard fits else { throw PluginError(.invalid, "presign: the URL does not fit in the host's buffer") }
    }
}
