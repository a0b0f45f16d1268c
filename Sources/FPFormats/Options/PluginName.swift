/// How plugins are named: in their tables, in the settings and as files.
public enum PluginName {
    /// Whether the text is `[A-Za-z][A-Za-z0-9_-]*`.
    public static func isValid(_ name: String) -> Bool {
        name.utf8.first?.isASCIILetter == true
            && name.utf8.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || "_-".utf8.contains($0) }
    }

    /// `lib<Name>.so`
    public static func fileName(of name: String) -> String { "lib\(name).so" }

    /// The name of the plugin that a file is; nil if it is not named as a plugin.
    public static func name(ofFile file: String) -> String? {
        guard let name = file.without(prefix: "lib")?.without(suffix: ".so").map(String.init), isValid(name) else {
            return nil
        }
        return name
    }
}
