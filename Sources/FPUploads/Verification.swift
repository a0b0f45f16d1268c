import FPCatalog
import FPFormats
import FPStorage

/// What a comparison of one file with what is on record of it has found.
public struct FileFinding: Sendable, Equatable {
    /// What there is to say of the file.
    public enum Result: String, Sendable, CaseIterable {
        /// It is what arrived, as far as was looked.
        case ok
        /// It is another.
        case mismatch
        /// It is not in its store.
        case missing
        /// Nothing is on record that its bytes could be compared with.
        case unknownDigest = "unknown-digest"
    }

    /// What was compared.
    public enum Aspect: String, Sendable, CaseIterable {
        case size, etag
        case sha256 = "sha-256"
        case crc64nvme
    }

    /// What there is to say.
    public var result: Result
    /// What differs, if something does.
    public var aspect: Aspect?
    /// What is on record of that.
    public var expected: String?
    /// What the store has.
    public var found: String?
}

/// What a comparison of an upload's files has found.
public struct Verification: Sendable {
    /// The upload as it was on record.
    public var upload: Upload
    /// Of each file, in the order of the upload's.
    public var findings: [FileFinding]
}

extension Uploads {
    /// Compares the files of a whole upload with what is on record of them. Nothing is mended and nothing removed.
    ///
    /// Whoever else wants the upload does not wait for it: a file that has gone or moved meanwhile is looked for once more.
    /// - Parameters:
    ///   - deep: whether the bytes are read and hashed, and not only the size and the tag looked at. If all files are right
    ///     then, that is put on record.
    ///   - rate: the most bytes that are read in a second; `nil` for as many as come.
    /// - Throws: ``UploadError``; for an upload that is not whole, or is just being stored, of the kind
    ///   ``UploadError/Kind/conflict``.
    public func verify(_ id: UploadID, deep: Bool, rate: UInt64? = nil) async throws(UploadError) -> Verification {
        var record = try await verifiable(id)
        var findings = try await self.findings(of: record, deep: deep, rate: rate)
        if findings.contains(where: { $0.result == .mismatch || $0.result == .missing }) {
            let again = try await verifiable(id)
            if again.files.map(Place.init) != record.files.map(Place.init) {
                record = again
                findings = try await self.findings(of: record, deep: deep, rate: rate)
            }
        }
        if deep, findings.allSatisfy({ $0.result == .ok }) {
            let now = Timestamp.now
            // The main file last: by it a listing goes.
            for index in record.files.indices.reversed() {
                let file = record.files[index]
                try await translatingCatalogError { () async throws(CatalogError) in
                    try await catalog.recordVerification(
                        of: id, file: index, in: Destination(store: file.store, key: file.key), at: now)
                }
                record.files[index].verifiedAt = now
            }
        }
        return Verification(upload: view(record), findings: findings)
    }

    private struct Place: Equatable {
        let store: String
        let key: String

        init(_ file: FileRecord) { (store, key) = (file.store, file.key) }
    }

    private func verifiable(_ id: UploadID) async throws(UploadError) -> UploadRecord {
        guard let record = try await record(id), record.state != .deleting else { throw .notFound(id) }
        switch record.state {
        case .complete, .stored: return record
        case .receiving, .deleting: throw UploadError(.conflict, "The upload is not whole yet.")
        case .storing: throw UploadError(.conflict, "The upload is just being stored; try again.")
        }
    }

    private func findings(
        of record: UploadRecord, deep: Bool, rate: UInt64?
    ) async throws(UploadError) -> [FileFinding] {
        var pace = Pace(rate)
        var findings: [FileFinding] = []
        for file in record.files { findings.append(try await finding(of: file, deep: deep, &pace)) }
        return findings
    }

    private func finding(of file: FileRecord, deep: Bool, _ pace: inout Pace) async throws(UploadError) -> FileFinding {
        let store = try stores.holding(file.store)
        do throws(StoreError) {
            let info = try await store.stat(file.key)
            guard info.size == file.size else {
                return FileFinding(
                    result: .mismatch, aspect: .size, expected: file.size.map { String($0) }, found: String(info.size))
            }
            if deep { return try await bytes(of: file, in: store, &pace) }
            guard let expected = file.etag, let found = info.etag, !expected.isSame(as: found) else {
                return FileFinding(result: .ok)
            }
            return FileFinding(result: .mismatch, aspect: .etag, expected: expected, found: found)
        } catch  where error.code == .notFound {
            return FileFinding(result: .missing)
        } catch {
            throw UploadError(error)
        }
    }

    /// Reads a file, and compares what its bytes are known by.
    private func bytes(of file: FileRecord, in store: Store, _ pace: inout Pace) async throws(StoreError) -> FileFinding
    {
        let known = file.digests
        guard known.sha256 != nil || known.crc64 != nil else { return FileFinding(result: .unknownDigest) }
        let digest = RunningDigest(known.sha256 == nil ? .crc64nvme : .sha256)
        // There is nothing to open of a file without bytes.
        if file.size != 0 {
            let reader = try await store.read(file.key)
            defer { reader.close() }
            while let buffer = try await reader.next() {
                buffer.withUnsafeReadableBytes { digest.update($0) }
                await pace.wait(for: buffer.readableBytes)
            }
        }
        let found = digest.file?.digests ?? FileDigests()
        if let expected = known.sha256, found.sha256 != expected {
            return FileFinding(
                result: .mismatch, aspect: .sha256, expected: Self.hexadecimal(expected),
                found: found.sha256.map(Self.hexadecimal))
        }
        if let expected = known.crc64, found.crc64 != expected {
            return FileFinding(
                result: .mismatch, aspect: .crc64nvme, expected: Self.hexadecimal(expected),
                found: found.crc64.map(Self.hexadecimal))
        }
        return FileFinding(result: .ok)
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func hexadecimal(_ crc: UInt64) -> String {
        withUnsafeBytes(of: crc.bigEndian) { hexadecimal(Array($0)) }
    }
}

/// Keeps reading below a rate.
private struct Pace {
    private let rate: UInt64?
    private let start = ContinuousClock.now
    private var count: UInt64 = 0

    init(_ rate: UInt64?) { self.rate = rate }

    /// Waits until as many bytes may have been read, with those before.
    mutating func wait(for bytes: Int) async {
        guard let rate else { return }
        count += UInt64(bytes)
        // Whoever is cancelled here learns so from the store.
        try? await Task.sleep(until: start + .seconds(Double(count) / Double(max(1, rate))), clock: .continuous)
    }
}
