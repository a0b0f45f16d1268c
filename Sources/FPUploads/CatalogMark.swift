public import FPCatalog
public import FPStorage
import NIOCore

/// The small object in a staging store that says whose it is.
///
/// Two hosts with catalogs of their own on one directory, bucket or root would each take the other's temporary uploads
/// for leftovers. So a catalog leaves its mark there before it writes anything else, and whoever finds another's stays
/// away.
public struct CatalogMark: Sendable, Equatable {
    /// The key of the mark. No upload is ever stored there.
    public static let key = ".fphost-catalog"

    /// The name of the catalog.
    public let catalog: String
    /// Where that catalog lived when it left the mark; for operators.
    public let place: String

    /// The mark of a catalog.
    public init(_ identity: CatalogIdentity) {
        catalog = identity.id
        place = identity.place
    }

    private init(catalog: String, place: String) {
        self.catalog = catalog
        self.place = place
    }

    /// Whether an object key is the mark's, or would be taken for it by a file system that knows no case, or lies below.
    static func reserves(_ key: String) -> Bool {
        let first = key.utf8.prefix { $0 != UInt8(ascii: "/") }
        let lower = first.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }
        return lower.elementsEqual(Self.key.utf8)
    }

    // MARK: - In a store

    /// The mark in a store; `nil` if there is none.
    public static func find(in store: Store) async throws(StoreError) -> CatalogMark? {
        let reader: StoreReader
        do throws(StoreError) {
            reader = try await store.read(key, length: maximumSize)
        } catch  where error.code == .notFound {
            return nil
        }
        defer { reader.close() }
        var bytes: [UInt8] = []
        while let buffer = try await reader.next() { bytes.append(contentsOf: buffer.readableBytesView) }
        return CatalogMark(bytes)
    }

    /// Puts the mark where none is.
    /// - Returns: the mark that is there afterwards: this one, or that of whoever was faster.
    func put(in store: Store, power: Bool) async throws(StoreError) -> CatalogMark {
        do throws(StoreError) {
            try await write(to: store, ifNotExists: true, power: power)
            // Two can believe that they were first where "only if it does not exist" is not one step. The last one is
            // right, and the other finds out here or before its first sweep.
            if store.capabilities.contains(.atomicCreate) { return self }
        } catch  where error.code == .exists || error.outcomeUnknown {
        }
        guard let found = try await Self.find(in: store) else {
            throw StoreError(
                .transient, store: store.name, operation: "mark",
                message: "the mark of the catalog was written and is not there")
        }
        return found
    }

    /// Puts the mark in the place of any other: from now on the store is this catalog's.
    public func take(_ store: Store, power: Bool = true) async throws(StoreError) {
        do throws(StoreError) {
            try await write(to: store, ifNotExists: false, power: power)
        } catch  where error.code == .exists {
            // A store need not replace objects.
            try await store.remove(Self.key)
            try await write(to: store, ifNotExists: true, power: power)
        }
    }

    private func write(to store: Store, ifNotExists: Bool, power: Bool) async throws(StoreError) {
        let request = WriteRequest(
            key: Self.key, size: nil, resumable: false, ifNotExists: ifNotExists, contentType: "text/plain")
        try await store.put(request, [ByteBuffer(string: text)], power: power)
    }

    // MARK: - As text

    private static let maximumSize: UInt64 = 16 << 10

    private var text: String {
        """
        This store holds temporary uploads of the fphost whose catalog is named below. Another fphost must not use it
        as uploads.staging; `fphost stores claim` makes it its own on purpose. Do not edit or remove this file.
        catalog: \(catalog)
        place: \(place)

        """
    }

    /// A mark that cannot be read still says that the store is taken: it names a catalog that is not this one.
    private init(_ bytes: [UInt8]) {
        func value(of name: String) -> String? {
            let lines = bytes.split(separator: UInt8(ascii: "\n"))
            return lines.first { $0.starts(with: "\(name): ".utf8) }
                .map { String(decoding: $0.dropFirst(name.utf8.count + 2), as: UTF8.self) }
        }
        self.init(catalog: value(of: "catalog") ?? "unreadable", place: value(of: "place") ?? "an unknown place")
    }
}
