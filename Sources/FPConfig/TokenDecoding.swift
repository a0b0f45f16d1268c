import FPFormats

/// The tokens of the application API.
extension SettingsDecoder {
    /// Shorter tokens are guessed.
    private static let shortest = 16

    func tokens() -> [Settings.Token] {
        values.items("api.tokens").compactMap(token)
    }

    private func token(_ node: CheckedNode) -> Settings.Token? {
        let reader = ValueReader(source: source, problems: problems)
        let position = node.position ?? ConfigPosition(file: source.file)
        switch node.reference {
        case .file(let path):
            return tokenFile(path, node)
        case .variable:
            return node.reference
                .flatMap { reader.follow($0, at: position, name: "api.tokens") }
                .flatMap { checked($0, node) }
        case nil:
            return checked(node.text, node)
        }
    }

    /// The host makes a token file that does not exist, so only what it could not make good is refused here.
    private func tokenFile(_ text: String, _ node: CheckedNode) -> Settings.Token? {
        switch source.absolutePath(text) {
        case .failure(let complaint):
            complain(node, "the file of a token in \"api.tokens\" \(complaint.text)")
            return nil
        case .success(let path):
            switch FileAccess.kind(of: path) {
            case .missing: break
            case .file:
                if let exposure = SecretFile.exposure(of: path), let position = node.position {
                    problems.warning(at: position, exposure)
                }
            case .directory, .other:
                complain(node, "a token in \"api.tokens\" names \(path), which is not a regular file; name a file")
                return nil
            }
            return .file(path: path)
        }
    }

    private func checked(_ token: String, _ node: CheckedNode) -> Settings.Token? {
        guard Settings.Token.isSendable(token) else {
            complain(
                node,
                "a token in \"api.tokens\" cannot be sent in an Authorization header; "
                    + "use letters, digits and -._~+/ only, perhaps with = at the end"
            )
            return nil
        }
        if token.utf8.count < Self.shortest, let position = node.position {
            problems.warning(
                at: position,
                "a token in \"api.tokens\" is shorter than \(Self.shortest) characters and may be guessed; make it longer"
            )
        }
        return .value(Secret(token))
    }
}

extension Settings.Token: CustomStringConvertible {
    /// `***`, or the place of the file.
    public var description: String {
        switch self {
        case .value: "***"
        case .file(let path): "file:\(path)"
        }
    }

    /// Whether a text can be a bearer token at all: `b64token` of RFC 6750, section 2.1.
    public static func isSendable(_ token: String) -> Bool {
        let body = token.utf8.reversed().drop { $0 == UInt8(ascii: "=") }
        return !body.isEmpty
            && body.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || "-._~+/".utf8.contains($0) }
    }
}
