public import FPFormats

/// Which files are taken, by what they are and by what they are called.
///
/// A file is what its first bytes prove, or what its extension says if no bytes can prove it. What is forbidden counts
/// for each extension of the name, since a web server that the file may come to looks at each. What is allowed counts
/// for the whole file: its bytes must prove a type that is allowed, and its extension be one of that type.
public struct TypeRules: Sendable, Equatable {
    /// What is taken; empty: everything.
    public var allow: [TypePattern]
    /// What is not taken, even if it is allowed.
    public var forbid: [TypePattern]

    /// Rules that take everything, unless told otherwise.
    public init(allow: [TypePattern] = [], forbid: [TypePattern] = []) {
        self.allow = allow
        self.forbid = forbid
    }

    private var isEmpty: Bool { allow.isEmpty && forbid.isEmpty }

    /// Extensions that a program obeys that is not meant to, if another one follows: a web server, or somebody to whom
    /// the last one is not shown.
    private static let obeyed: Set<String> = [
        "application/x-httpd-php", "application/x-aspx", "application/x-jsp", "text/html", "text/javascript",
        "text/vbscript", "application/hta", "application/x-bat", "application/x-ms-shortcut",
        "application/vnd.microsoft.portable-executable",
    ]

    /// Looks at a file's name alone, before any of its bytes are there.
    /// - Throws: An ``UploadError`` of the kind ``UploadError/Kind/unsupportedType``.
    func check(name: String) throws(UploadError) {
        guard !isEmpty else { return }
        let endings = FileExtension.all(in: name)
        for ending in endings {
            let type = FileExtension.type(of: ending)
            if forbid.contains(where: { $0.holds(ending: ending) || type.map($0.holds(type:)) ?? false }) {
                throw Self.refusal("A file with the extension .\(ending) is not taken here.")
            }
        }
        guard !allow.isEmpty else { return }
        guard let last = FileExtension.last(of: name) else {
            throw Self.refusal("A file without an extension is not taken here.")
        }
        let type = FileExtension.type(of: last)
        guard isAllowed(ending: last), endings.last?.isSame(as: last) == true else {
            throw Self.refusal("A file with the extension \(quoted("." + last)) is not taken here.")
        }
        for ending in endings.dropLast() {
            guard let hidden = FileExtension.type(of: ending), Self.obeyed.contains(hidden), hidden != type else {
                continue
            }
            guard isAllowed(ending: ending) else {
                throw Self.refusal("A file with the extension .\(ending) is not taken here, whatever follows it.")
            }
        }
    }

    /// Looks at a file's name and its beginning.
    /// - Parameters:
    ///   - head: the first ``FileContent/headLength`` bytes, or the whole file if it is shorter.
    ///   - served: the type that the file would be served with.
    /// - Throws: An ``UploadError`` of the kind ``UploadError/Kind/unsupportedType``.
    func check(name: String, head: [UInt8], served: String) throws(UploadError) {
        guard !isEmpty else { return }
        try check(name: name)
        let content = FileContent(head)
        let ending = FileExtension.last(of: name)
        let named = ending.flatMap { FileExtension.type(of: $0) }
        var shown = content.hidden + [served]
        // Bytes that leave open what the extension then says are no more than that.
        if let type = content.type, !(named.map { Container.isOpen(type, to: $0) } ?? false) { shown.append(type) }
        for type in shown where forbid.contains(where: { $0.holds(type: type) }) {
            throw Self.refusal("A file of the type \(type) is not taken here.")
        }
        guard !allow.isEmpty, let ending else { return }
        for type in content.hidden where !isAllowed(type: type) {
            throw Self.refusal("A file in which there is \(type) is not taken here.")
        }
        if let type = content.type {
            if let named, Container.may(type, be: named) { return }
            // Of an extension that says nothing, the rules say that it is taken; the bytes must be so too.
            guard named == nil, isAllowed(type: type) else {
                throw Self.refusal("The file is \(type), which its extension .\(ending) does not say.")
            }
        } else if let named {
            guard !Container.provable.contains(named) else {
                throw Self.refusal("The file is not \(named), as its extension .\(ending) says.")
            }
            guard content.isText || !Self.isText(named) else {
                throw Self.refusal("The file is no text, as its extension .\(ending) says.")
            }
        }
    }

    private func isAllowed(type: String) -> Bool { allow.contains { $0.holds(type: type) } }

    private func isAllowed(ending: String) -> Bool {
        allow.contains { $0.holds(ending: ending) } || FileExtension.type(of: ending).map(isAllowed(type:)) ?? false
    }

    private static func isText(_ type: String) -> Bool {
        type.begins(with: "text/") || type.ends(with: "xml") || type.ends(with: "json") || type.ends(with: "/yaml")
            || type.isSame(as: "message/rfc822")
    }

    private static func refusal(_ sentence: String) -> UploadError { UploadError(.unsupportedType, sentence) }
}
