/// A walk over the objects in a tree of directories, in the byte order of their keys: a page of `list`.
///
/// In that order the objects below a directory stand where the directory's name with a slash would stand. Of a directory
/// only as many names are kept at a time as the page has entries, so that memory stays bounded however large it is.
public struct ObjectWalk<Tree: ObjectTree> {
    @usableFromInline var tree: Tree
    /// Only keys that begin with it.
    @usableFromInline let prefix: [UInt8]
    /// Only keys after it.
    @usableFromInline let bound: [UInt8]
    /// Names kept at a time, of each directory on the way down.
    @usableFromInline let batchSize: Int
    @usableFromInline var last: String?

    /// Names kept at a time, at most: a page may be larger, but is gathered in steps of this.
    @usableFromInline static var largestBatch: Int { 4096 }

    /// A walk over the keys that a page asks for.
    /// - Throws: `.invalid` if the request's cursor is no ``ListCursor``.
    @inlinable
    public init(_ tree: Tree, _ request: ListRequest) throws(PluginError) {
        self.tree = tree
        prefix = Array(request.prefix.utf8)
        bound = try request.start()
        batchSize = min(request.maxEntries, Self.largestBatch)
    }

    /// Whether no entry has been handed out.
    @inlinable public var hasFoundNone: Bool { last == nil }

    /// Hands entries to `emit` until it wants no more.
    /// - Returns: the cursor after the last entry; nil at the end of the list.
    @inlinable
    public mutating func page(
        _ call: borrowing Call, _ emit: (ListEntry) -> Bool
    ) throws(PluginError) -> [UInt8]? {
        let start = prefix.lastIndex(of: UInt8(ascii: "/")).map { prefix[...$0] } ?? []
        guard start.isEmpty || isKey(start.dropLast()) else { return nil }
        guard try visit(Array(start), nil, call, emit) == false, let last else { return nil }
        return ListCursor(after: last.utf8).bytes
    }

    /// - Parameters:
    ///   - path: with a slash at its end, unless it is empty.
    ///   - item: what the directory above told of this one.
    /// - Returns: false if `emit` wants no more.
    @inlinable
    mutating func visit(
        _ path: [UInt8], _ item: Tree.Item?, _ call: borrowing Call, _ emit: (ListEntry) -> Bool
    ) throws(PluginError) -> Bool {
        let directory = String(decoding: path.dropLast(), as: UTF8.self)
        var after: [UInt8]?
        while true {
            var names = DirectoryNames<Tree.Item>(
                path: path, prefix: prefix, bound: bound, after: after, limit: batchSize)
            guard try tree.collect(&names, of: directory, call) else { return true }
            if names.isEmpty { tree.foundEmpty(directory, item) }
            let batch = names.wanted.sorted()
            for (name, (isDirectory, item)) in batch {
                try call.check()
                let full = path + name
                if isDirectory {
                    guard try visit(full, item, call, emit) else { return false }
                    continue
                }
                let key = String(decoding: full, as: UTF8.self)
                let found = try tree.entry(
                    key, String(decoding: name, as: UTF8.self), in: directory, item, call)
                guard let found else { continue }
                last = key
                guard emit(found) else { return false }
            }
            guard batch.count == batchSize, let end = batch.last else { return true }
            after = end.name
        }
    }
}
