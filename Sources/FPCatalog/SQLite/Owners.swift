import FPFormats

/// What each owner has, as SQL: a row for each, kept by the changes that change it, each inside a transaction, where a
/// catalog is opened to keep it.
///
/// `uploads.charged` is what an upload has been added to its owner's bytes with, so that exactly that is taken off again.
extension Connection {
    /// Begins to keep what owners have, or ends that, in one transaction: what was not kept for a while is counted anew.
    func keepOwners(_ isWanted: Bool) throws {
        keepsOwners = isWanted
        let isKept = try first("SELECT 1 FROM about WHERE name = 'owners kept'") { _ in true } ?? false
        guard isKept != isWanted else { return }
        try execute(
            "BEGIN IMMEDIATE; DELETE FROM owners; DELETE FROM about WHERE name = 'owners kept';"
                + (isWanted ? Self.countAnew : "") + "COMMIT")
    }

    /// What the changes would have made of `charged` and `owners`. A file has at most ``mostOfFile``.
    private static let countAnew = """
        UPDATE uploads SET charged = min(coalesce(size, session_received, 0), \(mostOfFile))
            + coalesce((SELECT sum(min(coalesce(f.size, 0), \(mostOfFile))) FROM files f WHERE f.upload = number), 0)
            WHERE owner IS NOT NULL;
        INSERT INTO owners SELECT owner, count(*), sum(state = 'receiving'), sum(charged) FROM uploads
            WHERE owner IS NOT NULL GROUP BY owner;
        INSERT INTO about VALUES ('owners kept', 1);
        """

    /// More than any file has; sums of it stay within what the database counts.
    private static let mostOfFile: Int64 = 1 << 50

    /// What a file adds to its owner's bytes: the size that it has or is announced with, or what has arrived of it.
    static func charge(_ size: Int64?, received: Int64?) -> Int64 { min(size ?? received ?? 0, mostOfFile) }

    /// What an upload adds.
    func charge(of upload: UploadRecord) throws -> Int64 {
        guard keepsOwners, upload.owner != nil else { return 0 }
        var sum: Int64 = 0
        for (ordinal, file) in upload.files.enumerated() {
            let received = ordinal == 0 ? upload.session?.received : nil
            sum += Self.charge(try file.size.map(signed), received: try received.map(signed))
        }
        return sum
    }

    /// Counts a new upload.
    /// - Throws: ``CatalogError/ownerExcess(_:)``
    func countNew(_ upload: UploadRecord, charged: Int64, within limits: OwnerLimits) throws {
        guard keepsOwners, let owner = upload.owner else { return }
        let usage = try first(
            """
            INSERT INTO owners VALUES (?1, 1, ?2, ?3)
            ON CONFLICT (owner) DO UPDATE SET uploads = uploads + 1, receiving = receiving + excluded.receiving,
                bytes = bytes + excluded.bytes
            RETURNING uploads, receiving, bytes
            """,
            owner, upload.state == .receiving ? 1 : 0, charged, read: OwnerUsage.init)
        var limits = limits
        // Of an upload that came whole, the other one need not be asked.
        if upload.state != .receiving { limits.inProgress = nil }
        if let excess = usage.flatMap(limits.exceeded) { throw CatalogError.ownerExcess(excess) }
    }

    /// Takes an upload off that is forgotten.
    func countGone(_ owner: String, wasReceiving: Bool, charged: Int64) throws {
        guard keepsOwners else { return }
        let left = try first(
            """
            UPDATE owners SET uploads = uploads - 1, receiving = receiving - ?2, bytes = bytes - ?3
            WHERE owner = ?1 RETURNING uploads
            """,
            owner, wasReceiving ? 1 : 0, charged
        ) { $0[0] as Int }
        if left == 0 { try run("DELETE FROM owners WHERE owner = ?", owner) }
    }

    /// Counts an upload as receiving, or no longer so.
    func countReceiving(_ owner: String, _ change: Int) throws {
        guard keepsOwners else { return }
        try run("UPDATE owners SET receiving = receiving + ?2 WHERE owner = ?1", owner, change)
    }

    /// Counts what an upload's only file has become.
    /// - Throws: ``CatalogError/ownerExcess(_:)`` if it has grown beyond the limit.
    func charge(_ owner: String, _ number: Int64, from old: Int64, to new: Int64, within limits: OwnerLimits) throws {
        guard new != old else { return }
        try run("UPDATE uploads SET charged = ? WHERE number = ?", new, number)
        let usage = try first(
            "UPDATE owners SET bytes = bytes + ?2 WHERE owner = ?1 RETURNING uploads, receiving, bytes",
            owner, new - old, read: OwnerUsage.init)
        guard new > old, let usage else { return }
        // The others do not change by this, and may have been set lower since.
        if let excess = OwnerLimits(bytes: limits.bytes).exceeded(by: usage) { throw CatalogError.ownerExcess(excess) }
    }

    func usage(of owner: String) throws -> OwnerUsage {
        try first(
            "SELECT uploads, receiving, bytes FROM owners WHERE owner = ?", owner, read: OwnerUsage.init)
            ?? OwnerUsage()
    }
}

extension OwnerUsage {
    fileprivate init(_ row: Row) { self.init(uploads: row[0], inProgress: row[1], bytes: unsigned(row[2])) }
}
