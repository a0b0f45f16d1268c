import FPPluginAPI

func slotWriteBegin(
    _ instance: OpaquePointer?, _ call: UnsafePointer<fp_call>?, _ request: UnsafePointer<fp_write_req>?,
    _ out: UnsafeMutablePointer<OpaquePointer?>?, _ state: UnsafeMutablePointer<fp_write_state>?
) -> fp_status {
    out?.pointee = nil
    return perform(call) { (call) throws(PluginError) in
        guard let out else { throw PluginError(.invalid, "write_begin: the host passed no place for the writer") }
        let handle = try Handle.object(instance, as: StoreHandle.self)
        let request = try WriteRequest(readHostStruct(try required(request, "request")))
        if request.isResumable, handle.resumable == nil {
            throw PluginError(.unsupported, "write_begin: this store has no resumable writes")
        }
        let begun = try handle.store.beginWrite(request, call)
        do throws(PluginError) {
            guard request.isResumable != begun.token.isEmpty else {
                throw PluginError(.internalError, "write_begin: exactly the resumable writes must have a token")
            }
            try state.report(WriteProgress(durableOffset: 0, token: begun.token), FP_WS_OPEN)
        } catch {
            begun.writer.close()
            throw error
        }
        let digests = handle.store.capabilities.digests
        out.pointee = Handle.make(
            WriterHandle(begun.writer, at: 0, isResumable: request.isResumable, digests: digests))
    }
}

func slotWriteResume(
    _ instance: OpaquePointer?, _ call: UnsafePointer<fp_call>?, _ request: UnsafePointer<fp_resume_req>?,
    _ out: UnsafeMutablePointer<OpaquePointer?>?, _ state: UnsafeMutablePointer<fp_write_state>?
) -> fp_status {
    out?.pointee = nil
    return perform(call) { (call) throws(PluginError) in
        guard let out else { throw PluginError(.invalid, "write_resume: the host passed no place for the writer") }
        let handle = try Handle.object(instance, as: StoreHandle.self)
        guard let store = handle.resumable else {
            throw PluginError(.unsupported, "this store has no resumable writes")
        }
        switch try store.resumeWrite(try ResumeRequest(readHostStruct(try required(request, "request"))), call) {
        case .committed:
            try state.report(WriteProgress(durableOffset: 0), FP_WS_COMMITTED)
        case .open(let writer, let progress):
            do throws(PluginError) {
                try state.report(progress, FP_WS_OPEN)
            } catch {
                writer.close()
                throw error
            }
            let digests = store.capabilities.digests
            out.pointee = Handle.make(
                WriterHandle(writer, at: progress.durableOffset, isResumable: true, digests: digests))
        }
    }
}

func slotWrite(
    _ writer: OpaquePointer?, _ call: UnsafePointer<fp_call>?, _ offset: UInt64, _ bytes: UnsafeRawPointer?,
    _ count: Int
) -> fp_status {
    perform(call) { (call) throws(PluginError) in
        let handle = try Handle.object(writer, as: WriterHandle.self)
        try handle.write(UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : count), at: offset, call)
    }
}

func slotWriteSync(
    _ writer: OpaquePointer?, _ call: UnsafePointer<fp_call>?, _ flags: UInt32,
    _ state: UnsafeMutablePointer<fp_write_state>?
) -> fp_status {
    perform(call) { (call) throws(PluginError) in
        try refuseUnknown(flags, known: FP_SYNC_POWER | FP_SYNC_SUSPEND, of: "write_sync")
        let handle = try Handle.object(writer, as: WriterHandle.self)
        try state.report(try handle.sync(SyncOptions(rawValue: flags), call), FP_WS_OPEN)
    }
}

func slotWriteCommit(
    _ writer: OpaquePointer?, _ call: UnsafePointer<fp_call>?, _ request: UnsafePointer<fp_commit_req>?,
    _ infoOut: UnsafeMutablePointer<fp_info>?
) -> fp_status {
    perform(call) { (call) throws(PluginError) in
        let handle = try Handle.object(writer, as: WriterHandle.self)
        let request = try CommitRequest(readHostStruct(try required(request, "request")))
        let info = try handle.commit(request, call)
        if let infoOut { withHostStruct(infoOut) { info.fill(&$0) } }
    }
}

func slotWriteAbort(_ writer: OpaquePointer?, _ call: UnsafePointer<fp_call>?) -> fp_status {
    perform(call) { (call) throws(PluginError) in
        try Handle.object(writer, as: WriterHandle.self).abort(call)
    }
}

func slotWriteClose(_ writer: OpaquePointer?) { Handle.take(writer, as: WriterHandle.self)?.close() }

func slotWriteDiscard(_ instance: OpaquePointer?, _ call: UnsafePointer<fp_call>?, _ token: fp_str) -> fp_status {
    perform(call) { (call) throws(PluginError) in
        guard let store = try Handle.object(instance, as: StoreHandle.self).resumable else {
            throw PluginError(.unsupported, "this store has no resumable writes")
        }
        try store.discardWrite(Array(token.bytes), call)
    }
}

extension Optional<UnsafeMutablePointer<fp_write_state>> {
    fileprivate func report(_ progress: WriteProgress, _ state: UInt32) throws(PluginError) {
        guard let place = self else { return }
        var fits = true
        withHostStruct(place) {
            $0.state = state
            $0.durable_offset = progress.durableOffset
            fits = $0.token.fill(whole: progress.token ?? [])
        }
        guard fits else { throw PluginError(.invalid, "the token does not fit in the host's buffer") }
    }
}
