/// Where a page of a listing ended, as a text that only the catalog that made it accepts, and only for the query that
/// it was made for.
struct ListingCursor: Equatable {
    /// The last upload of the page: its time of creation and its id.
    var createdAt: Timestamp
    var id: UploadID

    private static let version: UInt8 = 1
    private static let bodyLength = 1 + 8 + UploadID.length

    /// Makes a position as given.
    init(createdAt: Timestamp, id: UploadID) {
        self.createdAt = createdAt
        self.id = id
    }

    /// Reads a text that ``text(for:key:)`` made.
    /// - Throws: ``CatalogError/badCursor`` for any other.
    init(_ text: String, for query: UploadQuery, key: [UInt8]) throws(CatalogError) {
        guard let bytes = Hex.decode(text), bytes.count == Self.bodyLength + 8, bytes[0] == Self.version else {
            throw .badCursor
        }
        let body = bytes[..<Self.bodyLength]
        guard Array(bytes[Self.bodyLength...]) == Self.tag(body, query, key),
            let id = UploadID(String(decoding: body[9...], as: UTF8.self))
        else { throw .badCursor }
        createdAt = Timestamp(milliseconds: Int64(bitPattern: body[1..<9].reduce(0) { $0 << 8 | UInt64($1) }))
        self.id = id
    }

    /// The text for ``UploadPage/next``.
    /// - Parameter key: 16 bytes that stay the same for as long as the catalog exists.
    func text(for query: UploadQuery, key: [UInt8]) -> String {
        let body = [Self.version] + bigEndian(UInt64(bitPattern: createdAt.milliseconds)) + Array(id.description.utf8)
        return Hex.encode(body + Self.tag(body[...], query, key))
    }

    /// Binds the position to what the query asks for, apart from where it begins and how much it takes.
    private static func tag(_ body: ArraySlice<UInt8>, _ query: UploadQuery, _ key: [UInt8]) -> [UInt8] {
        var hash = SipHash(key: key)
        hash.append(body)
        func add(_ field: String?) {
            hash.append(field.map { bigEndian(UInt64($0.utf8.count)) + Array($0.utf8) } ?? [0xff])
        }
        add(query.states?.map(\.rawValue).sorted().joined(separator: ","))
        add(query.store)
        add(query.keyPrefix)
        add(query.name)
        add(query.owner)
        add(query.createdFrom.map { String($0.milliseconds) })
        add(query.createdBefore.map { String($0.milliseconds) })
        add(query.newestFirst ? "newest" : "oldest")
        // Not there at all where it restricts nothing, so that cursors given out before it was known stay good.
        if let before = query.verifiedBefore { add(String(before.milliseconds)) }
        return bigEndian(hash.finish())
    }
}

private func bigEndian(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(56 - $0 * 8)) }
}

/// Lower-case hexadecimal, and nothing else: each sequence of bytes has exactly one text.
enum Hex {
    private static let digits = Array("0123456789abcdef".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    static func decode(_ text: String) -> [UInt8]? {
        let letters = Array(text.utf8)
        guard letters.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(letters.count / 2)
        for pair in stride(from: 0, to: letters.count, by: 2) {
            guard let high = digits.firstIndex(of: letters[pair]), let low = digits.firstIndex(of: letters[pair + 1])
            else { return nil }
            bytes.append(UInt8(high << 4 | low))
        }
        return bytes
    }
}
