import Crypto
import FPFormats

/// What is known of a bearer token: everything but the token. A line of the file, with tabs between its fields.
public struct TokenRecord: Sendable, Equatable {
    /// What names it.
    public let id: String
    /// The SHA-256 of the token, in 32 bytes.
    let digest: [UInt8]
    /// Whose uploads are made with it; `nil` for nobody's.
    public let owner: String?
    /// What it opens.
    public let scopes: [String]
    /// When it was made, in milliseconds since 1970.
    public let created: Int64
    /// When it stops to be good, in milliseconds since 1970; `nil` for never.
    public let expires: Int64?
    /// What it is for, in the operator's words.
    public let note: String

    /// Stands for an empty field.
    private static let nothing = "-"
    /// The most bytes of an owner's name and of a note.
    private static let longest = 255

    /// What will be kept of a token.
    /// - Throws: ``Invalid`` if a text cannot be a field of a line.
    public init(
        _ token: AccessToken, owner: String?, scopes: [String], created: Int64, expires: Int64?, note: String
    ) throws(Invalid) {
        if let owner, !Self.isField(owner) || owner.isEmpty || owner.isSame(as: Self.nothing) {
            throw Invalid("an owner is a name of 1 to \(Self.longest) bytes on one line, and not \"-\"")
        }
        guard scopes.allSatisfy(Self.isScope) else {
            throw Invalid("a scope is a word of printable ASCII without quotes and backslashes, and not \"-\"")
        }
        guard Self.isField(note) else { throw Invalid("a note has one line of at most \(Self.longest) bytes") }
        id = token.id
        digest = Array(token.digest)
        self.owner = owner
        self.scopes = scopes
        self.created = created
        self.expires = expires
        self.note = note
    }

    /// Reads a line; `nil` if it is none.
    init?(line: Substring) {
        let fields = line.parts(at: "\t")
        guard fields.count == 7, AccessToken.isID(fields[0]), let digest = Self.digest(fields[1]),
            fields[2] == Self.nothing || Self.isField(fields[2]) && !fields[2].isEmpty,
            let created = InternetTime.parse(String(fields[4]))
        else { return nil }
        let scopes = fields[3] == Self.nothing ? [] : fields[3].parts(at: " ").map(String.init)
        let expires = InternetTime.parse(String(fields[5]))
        guard scopes.allSatisfy(Self.isScope), expires != nil || fields[5] == Self.nothing, Self.isField(fields[6])
        else { return nil }
        id = String(fields[0])
        self.digest = digest
        owner = fields[2] == Self.nothing ? nil : String(fields[2])
        self.scopes = scopes
        self.created = created
        self.expires = expires
        note = String(fields[6])
    }

    /// The line, without its end.
    var line: String {
        [
            id, digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(), owner ?? Self.nothing,
            scopes.isEmpty ? Self.nothing : scopes.joined(separator: " "),
            InternetTime.text(millisecondsSince1970: created),
            expires.map { InternetTime.text(millisecondsSince1970: $0) } ?? Self.nothing, note,
        ].joined(separator: "\t")
    }

    /// Whether it is no longer good.
    /// - Parameter date: Milliseconds since 1970.
    public func isExpired(at date: Int64) -> Bool { expires.map { $0 <= date } ?? false }

    /// Whether the token is the one that this was made of. The time taken does not depend on where they differ.
    func isOf(_ digest: SHA256Digest) -> Bool {
        var difference: UInt8 = 0
        for (one, other) in zip(digest, self.digest) { difference |= one ^ other }
        return difference == 0
    }

    private static func digest(_ text: Substring) -> [UInt8]? {
        let digits = text.utf8.compactMap(\.hexValue)
        guard digits.count == 64, text.utf8.count == 64 else { return nil }
        return stride(from: 0, to: 64, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// Any text on one line, without what a terminal obeys.
    private static func isField(_ text: some StringProtocol) -> Bool {
        text.utf8.count <= longest
            && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
    }

    /// RFC 6749, section 3.3.
    private static func isScope(_ text: String) -> Bool {
        !text.isEmpty && !text.isSame(as: nothing) && text.utf8.count <= longest
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != 0x5C }
    }

    /// Why a text cannot be kept with a token.
    public struct Invalid: Error, CustomStringConvertible {
        /// What would be right.
        public let description: String

        init(_ description: String) {
            self.description = description
        }
    }
}
