/// The path of a file below a directory that somebody chose in a browser, made harmless: text to show and to propose.
public enum FolderPath {
    /// The directories of such a path: each cleaned as a file's name is. A `/` in front says nothing; FilePond has one where
    /// the directory was dropped, and none where it was chosen.
    /// - Returns: empty for a bare name; `nil` for what is no such path: with a part that is empty, `.` or `..`, or of which
    ///   nothing is left.
    public static func directories(of path: String) -> [String]? {
        var parts = path.utf8.split(omittingEmptySubsequences: false) {
            $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\")
        }[...]
        if parts.count > 1, parts.first?.isEmpty == true { parts = parts.dropFirst() }
        guard parts.last?.isEmpty == false else { return nil }
        var directories: [String] = []
        for part in parts.dropLast() {
            guard let name = FileName.cleaned(String(Substring(part))) else { return nil }
            directories.append(name)
        }
        return directories
    }
}
