/// Directories whose files are objects: what an ``ObjectWalk`` lists. A key is the path of its file.
public protocol ObjectTree {
    /// What a directory tells of each name in it, such as the file's attributes; `Void` if nothing.
    associatedtype Item

    /// Adds the names of a directory to `names`, in any order, but for "." and "..".
    /// - Parameter directory: a path without a slash at its end; empty for the directory that has all others.
    /// - Returns: false if there is no such directory, or it is not to be entered.
    mutating func collect(
        _ names: inout DirectoryNames<Item>, of directory: String, _ call: borrowing Call
    ) throws(PluginError) -> Bool

    /// Describes the object that is the file `name` in a directory.
    /// - Returns: nil if it has gone, or is no object after all.
    mutating func entry(
        _ key: String, _ name: String, in directory: String, _ item: Item, _ call: borrowing Call
    ) throws(PluginError) -> ListEntry?

    /// A directory has no names at all: an opportunity to remove what a write left that was cut off.
    /// - Parameter item: what the directory above told; nil for the one that the walk began with.
    mutating func foundEmpty(_ directory: String, _ item: Item?)
}

extension ObjectTree {
    /// Leaves the directory as it is.
    public mutating func foundEmpty(_ directory: String, _ item: Item?) {}
}

/// What a name in a directory stands for.
public enum NameKind: Sendable {
    /// An object.
    case file
    /// A directory, with objects in it.
    case directory
    /// Neither: a symbolic link, a device. It is not listed.
    case other
}
