import FPFormats
import FPStorage

extension Upload {
    /// Where the main file lay below the directory that its client chose, with the name that it has here, as
    /// `holiday/2025/beach.jpg`; `nil` for a file that came by itself. From the client's metadata, cleaned as names are.
    public var relativePath: String? {
        Self.relativePath(of: files[0].name, metadata: metadata)
    }

    /// The members of the metadata that may say it: FilePond's name for it, and browsers'.
    private static let members = ["relativePath", "webkitRelativePath"]

    static func relativePath(of name: String, metadata: String?) -> String? {
        guard !name.isEmpty, let metadata, case .object(let known) = try? JSON(parsing: metadata.utf8) else {
            return nil
        }
        for member in members {
            guard case .string(let path) = known.last(where: { $0.name.isSame(as: member) })?.value,
                let directories = FolderPath.directories(of: path), !directories.isEmpty
            else { continue }
            let whole = (directories + [FileName.sanitised(name)]).joined(separator: "/")
            return whole.utf8.count <= ObjectKey.maxBytes ? whole : nil
        }
        return nil
    }
}
