/// The digests that somebody states of some bytes, one of each algorithm at most.
public struct DigestSet: Sendable, Equatable {
    private var values: [DigestKind: [UInt8]] = [:]

    /// None.
    public init() {}

    /// One digest, of as many bytes as its algorithm has.
    public init(_ kind: DigestKind, _ bytes: [UInt8]) {
        precondition(bytes.count == kind.length, "no digest of \(kind)")
        values[kind] = bytes
    }

    /// Whether nothing is stated.
    public var isEmpty: Bool { values.isEmpty }

    /// The algorithms, the strongest first.
    public var kinds: [DigestKind] { DigestKind.allCases.filter { values[$0] != nil } }

    /// The digest of an algorithm, if it is stated.
    public subscript(kind: DigestKind) -> [UInt8]? { values[kind] }

    /// Takes the digest of an algorithm out.
    public mutating func remove(_ kind: DigestKind) { values[kind] = nil }

    /// Adds what is stated elsewhere of the same bytes.
    /// - Throws: If the two state different digests of one algorithm.
    public mutating func add(_ other: DigestSet) throws(Complaint) {
        for (kind, bytes) in other.values {
            guard values[kind] ?? bytes == bytes else {
                throw Complaint("contradicts another field about the same bytes")
            }
            values[kind] = bytes
        }
    }
}

extension DigestSet {
    /// Reads `Content-Digest` or `Repr-Digest` (RFC 9530, sections 2 and 3): a dictionary of byte sequences. Algorithms
    /// that are not known here are ignored.
    /// - Parameter lines: the field's values, line by line; none state nothing.
    /// - Throws: What is wrong with the field.
    public init(field lines: [String]) throws(Complaint) {
        var found: [DigestKind: [UInt8]] = [:]
        let isDictionary = try StructuredDictionary.read(lines) { key, value throws(Complaint) in
            guard case .bytes(let bytes) = value else { throw Self.noDictionary }
            guard let kind = DigestKind(fieldKey: key) else { return }
            found[kind] = try Self.checked(bytes, kind)
        }
        guard isDictionary else { throw Self.noDictionary }
        values = found
    }

    /// Reads `Content-MD5` (RFC 1864): the MD5 in base64.
    /// - Throws: What is wrong with the field.
    public init(contentMD5 text: String) throws(Complaint) {
        guard let bytes = Base64.decoded(text.utf8), bytes.count == DigestKind.md5.length else {
            throw Complaint("must be the base64 of an MD5, 24 characters")
        }
        values = [.md5: bytes]
    }

    /// Reads `Upload-Checksum` (tus 1.0.0, "Checksum"): the name of an algorithm, a space, the digest in base64.
    /// - Throws: What is wrong with the field. An algorithm that is not known is: the client wants its bytes checked.
    public init(uploadChecksum text: String) throws(Complaint) {
        let names = alternatives(DigestKind.allCases.map(\.tusName))
        guard let (name, digest) = text.cut(at: " "),
            let kind = DigestKind.allCases.first(where: { name.isSame(as: $0.tusName) })
        else {
            throw Complaint("must be an algorithm, a space and the base64 of the digest; the algorithm one of \(names)")
        }
        guard let bytes = Base64.decoded(digest.utf8) else {
            throw Complaint("must have the digest in base64 behind the space")
        }
        values = [kind: try Self.checked(bytes, kind)]
    }

    /// Reads the text of the form field `fp_digest`: what a `Repr-Digest` would hold or, alone, a SHA-256 in hexadecimal.
    /// - Throws: What is wrong with the text.
    public init(formField text: String) throws(Complaint) {
        let text = text.trimmingSpace()
        guard text.utf8.count == 64, text.utf8.allSatisfy({ $0.hexValue != nil }) else {
            do throws(Complaint) {
                try self.init(field: [String(text)])
            } catch {
                throw Complaint("\(error.text); or the SHA-256 in 64 hexadecimal digits")
            }
            return
        }
        let digits = text.utf8.compactMap(\.hexValue)
        self.init(.sha256, (0..<32).map { digits[2 * $0] << 4 | digits[2 * $0 + 1] })
    }

    private static let noDictionary = Complaint(
        "must be a list of algorithms, each with a digest in base64 between colons, such as "
            + "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:")

    private static func checked(_ bytes: [UInt8], _ kind: DigestKind) throws(Complaint) -> [UInt8] {
        guard bytes.count == kind.length else {
            throw Complaint(
                "has \(bytes.count) bytes for \(kind.fieldKey ?? kind.tusName), whose digests have "
                    + "\(kind.length)")
        }
        return bytes
    }
}

extension DigestSet: CustomStringConvertible {
    /// As `Content-Digest` and `Repr-Digest` have it; empty if there is nothing that these can state.
    public var description: String {
        kinds.compactMap { kind in
            guard let key = kind.fieldKey, let bytes = values[kind] else { return nil }
            return "\(key)=:\(Base64.encoded(bytes)):"
        }.joined(separator: ", ")
    }
}

extension DigestKind {
    init?(fieldKey: ArraySlice<UInt8>) {
        guard let known = Self.allCases.first(where: { $0.fieldKey?.utf8.elementsEqual(fieldKey) ?? false }) else {
            return nil
        }
        self = known
    }
}
