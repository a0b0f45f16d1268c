/// What every catalog asks of what it is given, so that all of them refuse the same.
extension UploadRecord {
    /// - Throws: ``CatalogError/failed(_:)`` if no upload can begin like this.
    func checkInsertable() throws(CatalogError) {
        let isReceiving = state == .receiving
        guard state != .deleting, !files.isEmpty, !isReceiving || files.count == 1, isReceiving == (session != nil),
            session?.token.isEmpty != true, session.map({ $0.received >= $0.committed }) ?? true,
            files.allSatisfy({ ($0.destination != nil) == (state == .storing) && $0.destination?.replaced == nil })
        else {
            throw .failed(
                "The upload \(id) cannot be added as \(state.rawValue) with \(files.count) files: a receiving upload has "
                    + "one file and a session with a token that has received what is committed, any other has files and "
                    + "no session, and only a storing one has destinations, which replace nothing."
            )
        }
        try checkText(metadata)
        try checkText(owner)
        for file in files { try file.check() }
    }
}

extension FileRecord {
    func check() throws(CatalogError) {
        try checkText(name)
        try checkText(contentType)
        try checkText(etag)
        try checkText(store)
        try checkText(key)
        try destination?.check()
    }
}

extension Destination {
    func check() throws(CatalogError) {
        try checkText(store)
        try checkText(key)
        if let token { try checkToken(token) }
        try checkText(replaced?.etag)
    }
}

/// The NUL character is the one that neither SQLite's nor PostgreSQL's text holds; cut short there, a name would
/// be another name.
func checkText(_ text: String?) throws(CatalogError) {
    if let text, !isText(text) { throw .failed("A text for the catalog has a NUL character, which it cannot keep.") }
}

/// Whether a text can be in a catalog at all.
func isText(_ text: String?) -> Bool {
    text?.utf8.contains(0) != true
}

func checkToken(_ token: [UInt8]) throws(CatalogError) {
    if token.isEmpty { throw .failed("A write session's token is empty: nobody could find the session again.") }
}

/// Databases count in 63 bits; so do file systems.
func signed(_ value: UInt64) throws(CatalogError) -> Int64 {
    guard let value = Int64(exactly: value) else {
        throw .failed("A size or an offset of \(value) bytes is more than the catalog can keep.")
    }
    return value
}

extension CatalogError {
    /// What every call gets after ``Catalog/close()``.
    static func closed(_ name: String) -> CatalogError {
        .failed("The catalog \(name) is closed: fphost is stopping.")
    }
}
