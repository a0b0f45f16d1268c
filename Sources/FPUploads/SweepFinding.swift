import FPCatalog
import FPFormats
import FPStorage

/// One thing that a sweep removes, with the proof that it may.
public struct SweepFinding: Sendable, Equatable {
    /// What it is.
    public enum Kind: String, Sendable {
        /// A file of an upload that is being deleted.
        case deleting
        /// A file of a temporary upload whose time is over.
        case expired
        /// Bytes in staging that no upload owns.
        case bytes
        /// An unfinished write that no upload owns.
        case session
    }

    /// What it is.
    public var kind: Kind
    /// The store that it is in.
    public var store: String
    /// Its key there.
    public var key: String
    /// By what it is known to be this catalog's, and of no more use, in a few words.
    public var proof: String
}

extension SweepFinding {
    /// The files of an upload that go with its record.
    static func files(of record: UploadRecord, _ kind: Kind) -> [SweepFinding] {
        let proof =
            kind == .deleting
            ? "the record of upload \(record.id) says that it is being deleted"
            : "temporary by the record of upload \(record.id), and not touched since \(text(record.touchedAt))"
        return record.files.map { SweepFinding(kind: kind, store: $0.store, key: $0.key, proof: proof) }
    }

    static func text(_ moment: Timestamp) -> String {
        InternetTime.text(millisecondsSince1970: moment.milliseconds)
    }
}
