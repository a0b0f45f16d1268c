import FPFormats

/// What the texts of a settings file are read against: its name, its directory and the environment.
public struct ConfigSource: Sendable, Equatable {
    /// The file's name as the operator gave it, for complaints.
    public var file: String
    /// The directory that relative paths are resolved against; absolute.
    public var directory: String
    /// The environment that `${NAME}`, `env:NAME` and `~/` are taken from.
    public var environment: [String: String]

    /// A source of settings.
    public init(file: String, directory: String, environment: [String: String]) {
        self.file = file
        self.directory = directory
        self.environment = environment
    }

    /// A place in the file.
    func position(line: Int, column: Int) -> ConfigPosition {
        ConfigPosition(file: file, line: line, column: column)
    }

    /// The absolute form of a path of the file, or a sentence that says why there is none.
    ///
    /// `.` and empty segments go; `..` stays, since what it means depends on symbolic links.
    func absolutePath(_ path: String) -> Result<String, Complaint> {
        if let complaint = PathSyntax.complaint(about: path) { return .failure(complaint) }
        if path == "~" || path.begins(with: "~/") {
            guard let home = environment["HOME"], home.begins(with: "/") else {
                return .failure(Complaint("begins with ~, but the variable HOME is not set to an absolute path"))
            }
            return .success(Self.tidied(home + (path.without(prefix: "~") ?? "")))
        }
        return .success(Self.tidied(path.begins(with: "/") ? path : directory + "/" + path))
    }

    private static func tidied(_ path: String) -> String {
        "/"
            + path.utf8.split(separator: UInt8(ascii: "/")).filter { !$0.elementsEqual(".".utf8) }
            .map { String(Substring($0)) }.joined(separator: "/")
    }
}

extension ConfigSource: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The file's name; the environment holds secrets.
    public var description: String { file }
    /// The file's name; the environment holds secrets.
    public var debugDescription: String { file }
    /// Shows the file and its directory, never the environment.
    public var customMirror: Mirror { Mirror(self, children: ["file": file, "directory": directory]) }
}
