import FPFormats

extension Settings {
    /// `authentication.basic`: users with passwords (HTTP Basic).
    public struct Basic: Sendable, Equatable {
        /// The htpasswd file, an absolute path.
        public var file: String
        /// What browsers show beside the form.
        public var realm: String
        /// What all of them may do.
        public var scopes: [String]
        /// What all of them are.
        public var roles: [String]
    }

    /// `authentication.basic`.
    static let basicKeys: [OptionSchema] = [
        OptionSchema(
            "authentication.basic.file", .string,
            help:
                "The htpasswd file of the users who may log in by name and password (HTTP Basic), each the owner of what "
                + "comes from there. Passwords must be kept by bcrypt (`htpasswd -B`), SHA-512-crypt or yescrypt. A "
                + "change is seen within a second. Without it, nobody has a password."),
        OptionSchema(
            "authentication.basic.realm", .string, default: "fphost", help: "What browsers show beside the form."),
        OptionSchema(
            "authentication.basic.scopes", .stringList, help: "The scopes of these users, for `HasScope(name)`."),
        OptionSchema(
            "authentication.basic.roles", .stringList, help: "The roles of these users, for `HasRole(name)`."),
    ]
}

extension SettingsDecoder {
    /// The users with passwords; nil if there are to be none. Whether the file is there, and good, is for the host to say.
    func basic() -> Settings.Basic? {
        let realm = realm()
        let (scopes, roles) = (words("authentication.basic.scopes"), words("authentication.basic.roles"))
        guard let node = values["authentication.basic.file"] else {
            for key in ["realm", "scopes", "roles"] {
                guard let other = values["authentication.basic." + key], !other.isDefaulted else { continue }
                complain(
                    other,
                    "\"authentication.basic.\(key)\" does nothing without \"authentication.basic.file\"; name one")
            }
            return nil
        }
        switch source.absolutePath(node.text) {
        case .success(let path): return Settings.Basic(file: path, realm: realm, scopes: scopes, roles: roles)
        case .failure(let complaint):
            complain(node, "the path of \"authentication.basic.file\" \(complaint.text)")
            return nil
        }
    }

    /// Stands between quotes in a header field.
    private func realm() -> String {
        guard let node = values["authentication.basic.realm"] else { return "" }
        let isGood = node.text.utf8.allSatisfy { (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != 0x5C }
        if !isGood {
            complain(node, "\"authentication.basic.realm\" must be printable ASCII without quotes and backslashes")
        }
        return node.text
    }

    private func words(_ key: String) -> [String] {
        parsed(key) { text in
            text.isEmpty
                || !text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != 0x5C })
                ? .failure(Complaint("must be one word of printable ASCII without quotes")) : .success(text)
        }
    }
}
