/// How many uploads arrive from each source, as SQL: counted in an index that has the arriving ones alone, so there is no
/// number to keep.
extension Connection {
    /// How many uploads are arriving from a source; of more than `most`, `most`.
    func inProgress(from name: String, countingTo most: Int) throws -> Int {
        try first(
            """
            SELECT count(*) FROM (SELECT 1 FROM uploads WHERE source = ? AND state = 'receiving' LIMIT ?)
            """,
            name, most
        ) { $0[0] as Int } ?? 0
    }

    /// Checks a source of which an upload has just been added.
    /// - Throws: ``CatalogError/sourceExcess(most:)``
    func check(_ source: UploadSource, of upload: UploadRecord) throws {
        // An upload that came whole is not arriving.
        guard upload.state == .receiving else { return }
        let most = max(0, source.inProgress)
        guard try inProgress(from: source.name, countingTo: most + 1) <= most else {
            throw CatalogError.sourceExcess(most: source.inProgress)
        }
    }
}
