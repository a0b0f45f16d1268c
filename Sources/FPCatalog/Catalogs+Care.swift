/// What an operator does to a catalog: copy it, look whether it is sound, and put a copy in its place.
extension Catalogs {
    /// Copies the catalog at a URL to a new file for its owner only, as it is at one moment, also while a host has it
    /// open. The copy is on the disk, and has been looked through, when this returns; nothing stays where it fails.
    /// - Parameters:
    ///   - path: where the copy goes; nothing may be there.
    ///   - progress: told what part of the copying is done, from 0 to 1.
    /// - Throws: ``CatalogError``, all as sentences for the operator.
    public static func backUp(
        _ url: String, to path: String, progress: (Double) -> Void = { _ in }
    ) throws(CatalogError) -> CatalogContents {
        switch try Kind(url) {
        case .sqlite(let catalog): try CatalogBackup.make(of: catalog, at: path, progress: progress)
        }
    }

    /// Puts a copy in the place of the catalog at a URL, of which no host may be running; the catalog that was there
    /// stays beside it.
    ///
    /// The copy knows nothing of what was done after it was made. So that no sweep takes the bytes of uploads that it does
    /// not know for leftovers, it forgets by what it would have recognised them (``CatalogRestoration``).
    /// - Parameters:
    ///   - path: what ``backUp(_:to:progress:)`` made, or another copy of a catalog; it is not changed.
    ///   - progress: told what part of the copying is done, from 0 to 1.
    /// - Throws: ``CatalogError/inUse(_:)`` while a host has the catalog open, ``CatalogError/tooNew(_:)``, and
    ///   ``CatalogError/failed(_:)`` for what is no sound catalog; nothing has changed then.
    public static func restore(
        _ url: String, from path: String, at now: Timestamp = .now, program: String = "fphost",
        progress: (Double) -> Void = { _ in }
    ) throws(CatalogError) -> CatalogRestoration {
        switch try Kind(url) {
        case .sqlite(let catalog):
            try CatalogRestore.put(path, inPlaceOf: catalog, at: now, program: program, progress: progress)
        }
    }

    /// Looks whether the catalog at a URL is sound, also while a host has it open, and changes nothing.
    /// - Returns: what is wrong, a sentence each, at most some dozens; none if all is well.
    /// - Throws: ``CatalogError`` if it cannot be looked at.
    public static func faults(in url: String) throws(CatalogError) -> [String] {
        switch try Kind(url) {
        case .sqlite(let catalog): try CatalogCheck.faults(in: catalog)
        }
    }
}

/// What a catalog holds, as far as an operator wants to recognise it.
public struct CatalogContents: Sendable, Equatable {
    /// The number of uploads.
    public var uploads: Int
    /// When anything was last heard of one of them; `nil` where there is none.
    public var lastTouched: Timestamp?
}

/// What came of putting a copy in a catalog's place.
///
/// - The secret by which the catalog recognises keys in staging is another one from now on, and what it had begun to
///   write elsewhere is forgotten: what is not on record is left alone, whoever made it.
/// - Temporary uploads were touched at the moment of the restoring: nobody knows who went on with them since the copy.
/// - An upload that was on its way to a path is complete again: what is at that path by now may be another's.
/// - An upload that was being deleted is forgotten, with its bytes left, unless they are under keys in staging, which are
///   never used again.
public struct CatalogRestoration: Sendable, Equatable {
    /// A file of an upload, and where it may be.
    public struct Place: Sendable, Equatable {
        /// The upload.
        public var upload: UploadID
        /// The store.
        public var store: String
        /// The path in the store.
        public var key: String
    }

    /// What the catalog holds now.
    public var contents: CatalogContents
    /// Where the catalog is that was replaced; `nil` if there was none.
    public var replaced: String?
    /// The uploads that are complete again, with the paths to which they were on their way.
    public var undone: [Place] = []
    /// Bytes of uploads that were being deleted, which stay.
    public var left: [Place] = []
}
