/// The names of one directory, as an ``ObjectTree`` tells them: all are added, and those that the page needs next are kept.
public struct DirectoryNames<Item> {
    /// The directory's path, with a slash at its end unless it is empty.
    @usableFromInline let path: [UInt8]
    @usableFromInline let prefix: [UInt8]
    @usableFromInline let bound: [UInt8]
    /// Only names after it; nil for all.
    @usableFromInline let after: [UInt8]?
    @usableFromInline var wanted: SmallestNames<(isDirectory: Bool, item: Item)>
    /// No name has been added.
    @usableFromInline var isEmpty = true

    @inlinable
    init(path: [UInt8], prefix: [UInt8], bound: [UInt8], after: [UInt8]?, limit: Int) {
        self.path = path
        self.prefix = prefix
        self.bound = bound
        self.after = after
        wanted = SmallestNames(limit: limit)
    }

    /// Adds a name. What the host could not ask for is left out: names that break the rules for keys, and ".fp".
    @inlinable
    public mutating func add(_ name: [UInt8], _ kind: NameKind, _ item: Item) {
        isEmpty = false
        guard kind != .other else { return }
        let isDirectory = kind == .directory
        // Where the objects below it stand in the order.
        let sortName = isDirectory ? name + [UInt8(ascii: "/")] : name
        if let after, !after.lexicographicallyPrecedes(sortName) { return }
        let full = path.isEmpty ? sortName : path + sortName
        guard isWanted(full, isDirectory), isKey(isDirectory ? full.dropLast() : full[...]) else { return }
        wanted.insert(sortName, (isDirectory, item))
    }

    @inlinable
    func isWanted(_ full: [UInt8], _ isDirectory: Bool) -> Bool {
        if isDirectory {
            return (full.starts(with: prefix) || prefix.starts(with: full))
                && (bound.lexicographicallyPrecedes(full) || bound.starts(with: full))
        }
        return full.starts(with: prefix) && bound.lexicographicallyPrecedes(full)
    }
}

/// Whether the host could ask for an object of this name.
@usableFromInline
func isKey(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.withUnsafeBytes { (try? Key(validating: $0)) != nil }
}
