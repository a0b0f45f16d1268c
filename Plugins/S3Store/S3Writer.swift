import CChecksums
import FPPluginKit

/// Takes the bytes of one write: cuts them into parts, sends those side by side, and publishes the object at the end.
///
/// A part's memory is kept until S3 has it, since nobody else has its bytes any more. After a transient failure a part
/// is sent again while a call waits for it. After any other it fails the write; only a commit that is tried again sends
/// it again.
final class S3Writer: PluginWriter {
    private let store: S3Store
    private let target: WriteTarget
    private let schedule: PartSchedule
    private let isSession: Bool
    /// The multipart upload; nil while it is not known whether the object needs one.
    private var token: SessionToken?
    /// The part that the buffer is for.
    private var place: (number: Int, start: UInt64, size: UInt64)
    private var buffer: PartBuffer?
    private var moving: [MovingPart] = []
    private var failed: [MovingPart] = []
    private var parts: [UploadedPart?]
    /// Checksum and length of the parts that this writer sent; nil once some came from another.
    private var sums: [Int: (crc: UInt64, count: UInt64)]?
    /// The marks that this session has, the newest last.
    private var tails: [Tail] = []
    /// How often the session has been resumed, this time included.
    private let generation: UInt32
    private var isFinished = false
    /// Whether a commit has been tried, which may have had success whatever its reply was.
    private var mayBePublished = false

    /// In bytes. Larger parts wait in a file from the first byte on.
    private static let largestInMemory: UInt64 = 64 << 20

    /// A part on its way.
    private struct MovingPart {
        let number: Int
        let buffer: PartBuffer
        var exchange: Exchange
        var repairs = Repairs()
        var backoff = Backoff()
    }

    private var client: S3Client { store.client }

    /// A new write; a session if there is a token.
    init(_ store: S3Store, _ target: WriteTarget, _ schedule: PartSchedule, session: SessionToken?) {
        self.store = store
        self.target = target
        self.schedule = schedule
        token = session
        isSession = session != nil
        generation = 0
        place = schedule.part(at: 0)
        parts = []
        sums = [:]
    }

    /// A resumed session.
    init(_ store: S3Store, _ resumption: Resumption) {
        self.store = store
        target = WriteTarget(resumption.token)
        schedule = resumption.token.schedule
        token = resumption.token
        isSession = true
        place = resumption.place
        parts = resumption.parts
        buffer = resumption.buffer
        tails = resumption.tails
        generation = resumption.generation
        sums = resumption.parts.isEmpty && resumption.buffer == nil ? [:] : nil
    }

    private var end: UInt64 { place.start + UInt64(buffer?.count ?? 0) }

    // MARK: - Bytes

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, _ call: borrowing Call) throws(PluginError) {
        guard offset + UInt64(bytes.count) <= schedule.capacity else {
            throw PluginError(.tooLarge, "\"\(target.key)\": an object of S3 has at most 10,000 parts and 5 TiB")
        }
        try settleEnded(call)
        var rest = bytes
        while !rest.isEmpty {
            let buffer = try buffer(call)
            guard buffer.room > 0 else {
                try dispatch(call)
                continue
            }
            let count = try buffer.append(rest)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            if count == 0 {
                // The budget is used up. Parts under way give theirs back; without any, do not wait for other writers,
                // which may be waiting for their clients.
                if moving.isEmpty { try buffer.spill(to: store.settings.spoolDirectory) } else { try settleFirst(call) }
            }
        }
        // A one-shot write may turn out to be just this long, and then needs no multipart upload.
        if let buffer, buffer.room == 0, token != nil { try dispatch(call) }
    }

    private func buffer(_ call: borrowing Call) throws(PluginError) -> PartBuffer {
        if let buffer { return buffer }
        let made = try PartBuffer(capacity: Int(place.size), store.settings, store.budget)
        if place.size > Self.largestInMemory { try made.spill(to: store.settings.spoolDirectory) }
        buffer = made
        return made
    }

    /// Sends the buffer as the part that it is.
    private func dispatch(_ call: borrowing Call) throws(PluginError) {
        guard let full = buffer else { return }
        let token = try session(call)
        while moving.count >= store.settings.concurrency { try settleFirst(call) }
        let request = try client.partRequest(token, number: place.number, full)
        moving.append(MovingPart(number: place.number, buffer: full, exchange: try client.start(request, call)))
        place = schedule.part(at: place.start + UInt64(full.count))
        buffer = nil
    }

    /// The multipart upload, begun now if a one-shot write turned out to need one.
    private func session(_ call: borrowing Call) throws(PluginError) -> SessionToken {
        if let token { return token }
        let begun = SessionToken(
            key: target.key, uploadID: try client.createMultipart(target, checksum: store.settings.checksum, call),
            id: target.id, schedule: schedule,
            ifNotExists: target.ifNotExists)
        token = begun
        return begun
    }

    // MARK: - Parts under way

    /// Takes note of the parts that have arrived meanwhile, without waiting.
    private func settleEnded(_ call: borrowing Call) throws(PluginError) {
        while let index = moving.firstIndex(where: { $0.exchange.hasEnded }) { try settle(index, call) }
    }

    private func settleFirst(_ call: borrowing Call) throws(PluginError) {
        try settle(moving.firstIndex { $0.exchange.hasEnded } ?? 0, call)
    }

    private func settleAll(_ call: borrowing Call) throws(PluginError) {
        while !moving.isEmpty { try settleFirst(call) }
    }

    /// Waits for a part, and sends it again after transient failures.
    private func settle(_ index: Int, _ call: borrowing Call) throws(PluginError) {
        guard let token else { return }
        let doing = "sending part \(moving[index].number) of \"\(target.key)\""
        do throws(PluginError) {
            while true {
                let part = moving[index]
                do throws(PluginError) {
                    let reply = try client.reply(of: part.exchange, doing, call)
                    if try !client.repair(reply, &moving[index].repairs, call) {
                        note(try client.uploadedPart(reply, doing), part)
                        moving.remove(at: index)
                        return
                    }
                } catch {
                    try moving[index].backoff.wait(after: error, call)
                }
                let request = try client.partRequest(token, number: part.number, part.buffer)
                moving[index].exchange = try client.start(request, call)
            }
        } catch {
            failed.append(moving.remove(at: index))
            throw error
        }
    }

    private func note(_ uploaded: UploadedPart, _ part: MovingPart) {
        while parts.count < part.number { parts.append(nil) }
        parts[part.number - 1] = uploaded
        sums?[part.number] = (part.buffer.crc64nvme, UInt64(part.buffer.count))
    }

    /// Sends the parts again that failed before a commit.
    private func sendAgain(_ call: borrowing Call) throws(PluginError) {
        guard let token else { return }
        while var part = failed.last {
            part.exchange = try client.start(
                try client.partRequest(token, number: part.number, part.buffer), call)
            part.repairs = []
            part.backoff = Backoff()
            moving.append(part)
            failed.removeLast()
        }
    }

    /// The parts from 1 on.
    /// - Throws: if one is missing: what lies behind it would move forward.
    private func wholeParts(_ count: Int) throws(PluginError) -> [UploadedPart] {
        let whole = parts.prefix(count).compactMap { $0 }
        guard whole.count == count else {
            throw PluginError(.internalError, "\"\(target.key)\": a part is missing; send the file again")
        }
        return whole
    }

    // MARK: - Safety

    func sync(_ options: SyncOptions, _ call: borrowing Call) throws(PluginError) -> WriteProgress {
        guard let token else { throw PluginError(.unsupported, "only a resumable write can be synced") }
        try settleAll(call)
        guard store.settings.keepsTails else { return WriteProgress(durableOffset: place.start) }
        guard tails.last?.end != end else { return WriteProgress(durableOffset: end) }
        tails.append(
            try client.leaveMark(
                at: end, try wholeParts(place.number - 1), buffer, of: token, generation: generation,
                after: tails.last, call))
        // The one before stays, so that a client can send its last chunk again with other bytes.
        while tails.count > 2 { client.removeInBackground(tails.removeFirst(), of: token) }
        return WriteProgress(durableOffset: end)
    }

    // MARK: - The end

    func commit(_ request: CommitRequest, _ call: borrowing Call) throws(PluginError) -> ObjectInfo {
        let isConditional = target.ifNotExists || !store.settings.allowsOverwrite
        let info: ObjectInfo
        if mayBePublished, let own = try store.ownObject(target.key, target.id, call), own.size == request.size {
            info = own
        } else {
            try sendAgain(call)
            if token == nil || request.size == 0 {
                mayBePublished = true
                info = try store.publish(target, buffer, isConditional: isConditional, call)
                if let token { client.sendInBackground(client.abortRequest(token)) }
            } else {
                if let buffer, buffer.count > 0 { try dispatch(call) }
                try settleAll(call)
                mayBePublished = true
                info = try complete(request.size, isConditional: isConditional, call)
            }
        }
        finish()
        return info
    }

    private func complete(
        _ size: UInt64, isConditional: Bool, _ call: borrowing Call
    ) throws(PluginError) -> ObjectInfo {
        guard let token else { throw PluginError(.internalError, "a commit without an upload") }
        let last = schedule.part(at: size - 1)
        let whole = try wholeParts(last.number)
        var checksum: UInt64?
        if store.settings.checksum == .crc64nvme, let sums, sums.count == last.number {
            checksum = (1...last.number).reduce(0) { total, number in
                cs_crc64nvme_join(total, sums[number]?.crc ?? 0, sums[number]?.count ?? 0)
            }
        }
        return try store.publish(
            token, whole, size: size, checksum: checksum, isConditional: isConditional, call)
    }

    func abort(_ call: borrowing Call) throws(PluginError) {
        for part in moving { client.engine.abort(part.exchange) }
        moving = []
        failed = []
        buffer = nil
        if let token { try store.discard(token, call) }
        finish()
    }

    /// What is left of the session goes without anybody waiting for it.
    private func finish() {
        isFinished = true
        guard let token, isSession else { return }
        for tail in tails { client.removeInBackground(tail, of: token) }
        tails = []
    }

    func close() {
        for part in moving { client.engine.abort(part.exchange) }
        moving = []
        guard let token else { return }
        if isSession {
            store.release(token.uploadID)
        } else if !isFinished {
            client.sendInBackground(client.abortRequest(token))
        }
    }
}
