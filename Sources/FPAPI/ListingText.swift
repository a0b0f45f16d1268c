import FPFormats
import FPUploads
import NIOCore

/// A page of a listing as JSON, written part by part as the client takes it, so that only a few uploads are in memory at
/// a time, however large their metadata is.
actor ListingText {
    /// A page ends after the upload that takes it beyond this many bytes, whatever its limit.
    static let maximumBytes = 4 << 20
    /// About how many bytes are read from the catalog at a time.
    private static let partBytes = 128 << 10

    private let uploads: Uploads
    private var query: UploadQuery
    private var left: Int
    private var written = 0
    private var isOver = false
    /// The first part, made before the head of the answer is sent, so that a wrong query can still be refused.
    private var ready: ByteBuffer?

    /// Begins a page.
    init(_ uploads: Uploads, matching query: UploadQuery) async throws(UploadError) {
        self.uploads = uploads
        self.query = query
        self.query.maxBytes = Self.partBytes
        left = query.limit
        ready = try await part()
    }

    /// The whole page, if its first part is all of it.
    var whole: ByteBuffer? { isOver ? ready : nil }

    /// The next part; `nil` after the last.
    func next() async throws(UploadError) -> ByteBuffer? {
        if let ready {
            self.ready = nil
            return ready
        }
        return isOver ? nil : try await part()
    }

    private func part() async throws(UploadError) -> ByteBuffer {
        query.limit = left
        let page = try await uploads.uploads(matching: query)
        var text = written == 0 ? "{\"uploads\":[" : page.uploads.isEmpty ? "" : ","
        for (index, upload) in page.uploads.enumerated() {
            if index > 0 { text += "," }
            UploadDocument.json(upload, withMetadata: query.includesMetadata).write(into: &text)
        }
        left -= page.uploads.count
        written += text.utf8.count
        query.cursor = page.next
        if page.next == nil || left <= 0 || written >= Self.maximumBytes {
            isOver = true
            text += "],\"next\":\(JSON.text(page.next).text)}"
        }
        return ByteBuffer(string: text)
    }
}
