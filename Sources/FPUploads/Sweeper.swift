import FPCatalog
import FPFormats
import FPStorage
import Logging

/// Removes temporary uploads that nobody claimed, bytes that no upload owns, and what an interrupted request or a
/// failing store left half way.
///
/// What a sweep would remove can be asked for without that: both find it in the same way.
public struct Sweeper: Sendable {
    let uploads: Uploads
    /// Whether nothing is changed, neither in the catalog nor in a store.
    let isPreview: Bool
    /// Hears of each thing before it is removed.
    let tell: @Sendable (SweepFinding) -> Void

    /// A sweeper for these uploads.
    /// - Parameters:
    ///   - isPreview: whether to find only, and change nothing.
    ///   - tell: hears of each thing that goes, or would.
    public init(
        _ uploads: Uploads, isPreview: Bool = false, tell: @escaping @Sendable (SweepFinding) -> Void = { _ in }
    ) {
        self.uploads = uploads
        self.isPreview = isPreview
        self.tell = tell
    }

    /// Sweeps again and again until the task is cancelled.
    public func run() async {
        while !Task.isCancelled {
            await sweep()
            try? await Task.sleep(for: uploads.settings.sweepEvery)
        }
    }

    /// Sweeps once.
    /// - Returns: whether everything could be looked at, and removed; the log says what could not.
    @discardableResult
    public func sweep() async -> Bool {
        await uploads.writers.closeIdle()
        // A damaged catalog may have lost the records of what it would then take for leftovers.
        if await uploads.catalog.trouble()?.kind == .damaged { return false }
        await settleInterrupted()
        var isDone = await expire()
        if !isPreview { await forgetCounts() }
        if !isPreview { await forgetEvents() }
        let ownsStaging = await ownsStaging()
        if ownsStaging { isDone = await removeOrphanedObjects() && isDone }
        return await discardOrphanedSessions(inStaging: ownsStaging) && isDone && ownsStaging
    }

    /// Before it, a temporary upload has to have been touched to have expired.
    var expiry: Timestamp {
        Timestamp.now.advanced(by: .zero - uploads.settings.expireAfter)
    }

    /// Settles every storing and deleting upload that nobody works on at the moment.
    private func settleInterrupted() async {
        await uploads.forEach(in: [.storing, .deleting]) { record in
            if record.state == .deleting { SweepFinding.files(of: record, .deleting).forEach(tell) }
            if !isPreview { await uploads.settleIfFree(record.id) }
        }
    }

    private func expire() async -> Bool {
        let moment = expiry
        // What is only looked at comes first again in the next batch, so there is but one.
        let limit = isPreview ? 100_000 : 100
        do throws(CatalogError) {
            while !Task.isCancelled {
                let batch = try await uploads.catalog.expired(before: moment, limit: limit)
                var removed = 0
                for record in batch {
                    SweepFinding.files(of: record, .expired).forEach(tell)
                    guard !isPreview else { continue }
                    do throws(UploadError) {
                        try await uploads.expire(record.id, before: moment)
                        removed += 1
                    } catch {
                        uploads.logger.warning(
                            "upload \(record.id) has expired but stays: \(error.detail ?? error.message)")
                    }
                }
                if isPreview { return true }
                // What could not be removed would come back in the next batch at once.
                guard removed == batch.count else { return false }
                guard batch.count == limit else { return true }
            }
            return false
        } catch {
            uploads.logger.error("could not look for expired uploads: \(error)")
            return false
        }
    }

    /// Forgets the events that everybody has been told of, or that were given up, long enough ago.
    private func forgetEvents() async {
        guard let log = uploads.catalog.events else { return }
        let moment = Timestamp.now.advanced(by: .zero - uploads.settings.keepEvents)
        do throws(CatalogError) {
            // A part at a time, so that uploads do not wait for all of it.
            while try await log.prune(before: moment, limit: 500) == 500, !Task.isCancelled {}
        } catch {
            uploads.logger.error("could not forget events: \(error)")
        }
    }

    /// Forgets counts of uploads that nobody can begin any more. A day later, as clocks are set back at times.
    private func forgetCounts() async {
        do throws(CatalogError) {
            try await uploads.catalog.forgetCounts(before: Timestamp.now.advanced(by: .seconds(-24 * 60 * 60)))
        } catch {
            uploads.logger.error("could not forget counts of uploads: \(error)")
        }
    }
}
