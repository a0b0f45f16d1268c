import FPFormats

extension Settings {
    /// `authentication.tokens`.
    static let tokenKeys: [OptionSchema] = [
        OptionSchema(
            "authentication.tokens", .string,
            help:
                "The file of bearer tokens that `fphost token` makes and revokes. It need not exist yet, and a change "
                + "is seen within a second. Without it, there are no such tokens.")
    ]
}

extension SettingsDecoder {
    /// The absolute path of the file of tokens, which need not exist; nil if there is to be none.
    func authenticationTokens() -> String? {
        guard let node = values["authentication.tokens"] else { return nil }
        switch source.absolutePath(node.text) {
        case .success(let path) where [.directory, .other].contains(FileAccess.kind(of: path)):
            complain(node, "\"authentication.tokens\" names \(path), which is not a regular file; name a file")
        case .success(let path): return path
        case .failure(let complaint): complain(node, "the path of \"authentication.tokens\" \(complaint.text)")
        }
        return nil
    }
}
