import FPCatalog
import FPFormats
import FPStorage

/// What becomes of an upload that is to be stored at a path that is taken.
public enum IfExists: String, Sendable, CaseIterable {
    /// It is refused.
    case fail
    /// It is stored beside what is there: `name_2.ext`, `name_3.ext`, ...
    case rename
    /// It takes the place of what is there, in a store that allows that.
    case replace
}

/// Where an upload's files go with each number: all of them take the same, so that they are still seen to belong
/// together.
struct NumberedDestinations: Sendable {
    private let places: [(directory: String, name: NumberedName)]
    private let store: String

    /// - Parameter destinations: those of number 1.
    init(_ destinations: [Destination], in store: Store) {
        places = destinations.map { destination in
            let directory = ObjectPath.directory(of: destination.key)
            let room = store.limits.maxKeyBytes - directory.utf8.count
            let name = NumberedName(ObjectPath.name(of: destination.key), maxBytes: min(FileName.maxBytes, room))
            return (directory, name)
        }
        self.store = store.name
    }

    func with(_ number: Int) -> [Destination] {
        places.map { Destination(store: store, key: $0.directory + $0.name.text(number)) }
    }

    /// Whether stored files are where one of the numbers puts them.
    func include(_ files: [FileRecord]) -> Bool {
        guard let number = places[0].name.number(of: ObjectPath.name(of: files[0].key)) else { return false }
        return files.are(at: with(number))
    }
}

extension [FileRecord] {
    /// Whether each file is at its destination.
    func are(at destinations: [Destination]) -> Bool {
        count == destinations.count
            && zip(self, destinations).allSatisfy { $0.store == $1.store && $0.key.isSame(as: $1.key) }
    }
}

extension Uploads {
    /// How many names are tried that turn out to be taken by what is in no catalog. The numbers between two tries grow,
    /// so that thousands of such objects are passed.
    private static let mostTries = 20

    /// Stores a complete upload at the first place that is free: the catalog decides among uploads, and the store about
    /// everything else, each with the change that takes the place.
    func storeNumbered(
        _ record: UploadRecord, _ destinations: NumberedDestinations
    ) async throws(UploadError) -> UploadRecord {
        var first = 1
        var triesLeft = Self.mostTries
        while true {
            let from = first
            let number = try await translatingCatalogError { () async throws(CatalogError) in
                try await catalog.beginStoring(record.id, from: from, destinations: destinations.with)
            }
            guard let number else { throw .notFound(record.id) }
            do throws(UploadError) {
                return try await carryOut(record, to: destinations.with(number))
            } catch  where error.storeCode == .exists {
                triesLeft -= 1
                guard triesLeft > 0, try await self.record(record.id)?.state == .complete else { throw error }
                first = FreeNumber.next(after: number)
            }
        }
    }
}
