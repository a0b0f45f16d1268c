import FPFormats

extension Settings {
    /// Reads and checks a settings file.
    ///
    /// - Parameters:
    ///   - path: the file; relative paths in it are resolved against its directory.
    ///   - environment: what `${NAME}`, `env:NAME` and `~/` are taken from.
    /// - Throws: ``ConfigErrors`` with everything that is wrong.
    public static func load(file path: String, environment: [String: String]) throws(ConfigErrors) -> Settings {
        let (settings, errors) = read(file: path, environment: environment)
        guard let settings, errors == nil else { throw errors ?? ConfigErrors([]) }
        return settings
    }

    /// Reads and checks a settings file, and goes on where something is wrong, so that what else is can be found.
    ///
    /// - Parameters: as those of ``load(file:environment:)``.
    /// - Returns: the settings, with defaults in place of what is wrong, unless the file is no YAML at all; and
    ///   everything that is wrong.
    public static func read(file path: String, environment: [String: String]) -> (Settings?, ConfigErrors?) {
        let bytes: [UInt8]
        do throws(FileAccess.Failure) {
            bytes = try FileAccess.read(path, limit: YAMLTree.largestFile, regularOnly: false).bytes
        } catch {
            return (nil, ConfigErrors([ConfigProblem(at: ConfigPosition(file: path), sentence(error))]))
        }
        return read(yaml: bytes, file: path, directory: directory(of: path), environment: environment)
    }

    /// Checks the text of a settings file.
    ///
    /// - Parameters:
    ///   - yaml: the text.
    ///   - file: its name for complaints.
    ///   - directory: the absolute directory that its relative paths are resolved against.
    ///   - environment: what `${NAME}`, `env:NAME` and `~/` are taken from.
    /// - Throws: ``ConfigErrors`` with everything that is wrong.
    public static func load(
        yaml: String,
        file: String,
        directory: String,
        environment: [String: String]
    ) throws(ConfigErrors) -> Settings {
        try load(yaml: Array(yaml.utf8), file: file, directory: directory, environment: environment)
    }

    /// Checks the bytes of a settings file, which need not be UTF-8 or YAML at all.
    ///
    /// - Parameters:
    ///   - yaml: the bytes.
    ///   - file: the file's name for complaints.
    ///   - directory: the absolute directory that its relative paths are resolved against.
    ///   - environment: what `${NAME}`, `env:NAME` and `~/` are taken from.
    /// - Throws: ``ConfigErrors`` with everything that is wrong.
    public static func load(
        yaml: [UInt8],
        file: String,
        directory: String,
        environment: [String: String]
    ) throws(ConfigErrors) -> Settings {
        let (settings, errors) = read(yaml: yaml, file: file, directory: directory, environment: environment)
        guard let settings, errors == nil else { throw errors ?? ConfigErrors([]) }
        return settings
    }

    private static func read(
        yaml: [UInt8],
        file: String,
        directory: String,
        environment: [String: String]
    ) -> (Settings?, ConfigErrors?) {
        let source = ConfigSource(file: file, directory: directory, environment: environment)
        let problems = ProblemLog()
        guard let root = YAMLTree.read(yaml, source: source, problems: problems) else { return (nil, problems.thrown) }
        let settings = SettingsDecoder.decode(root, source: source, problems: problems)
        return (settings, problems.isEmpty ? nil : problems.thrown)
    }

    private static func directory(of path: String) -> String {
        let parent = path.cutAtLast("/").map { String($0.before) } ?? "."
        if path.begins(with: "/") {
            return parent.isEmpty ? "/" : parent
        }
        return (FileAccess.currentDirectory() ?? "/") + "/" + parent
    }

    private static func sentence(_ failure: FileAccess.Failure) -> String {
        switch failure {
        case .missing: "no such file; give the path of a settings file, such as a copy of the shipped fphost.yaml"
        case .notAFile: "not a file; give the path of a settings file"
        case .tooLarge:
            "the file is larger than \(Quantity.size.text(Int64(YAMLTree.largestFile))); a settings file is much smaller"
        case .system(let reason): "the file cannot be read (\(reason)); let the host's user read it"
        }
    }
}
