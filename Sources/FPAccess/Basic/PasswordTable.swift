import Crypto
import FPFormats

/// The users of an htpasswd file, and what is kept of their passwords.
struct PasswordTable: Sendable {
    /// The most bytes of a file.
    static let largest = 1 << 20
    /// The most bytes of a user's name.
    static let longestName = 255

    private var hashes: [PasswordHash] = []
    private var places: [TextKey: Int] = [:]
    private let key = SymmetricKey(size: .bits256)

    /// Reads a file's content: lines of `name:hash`, of which what is behind another colon is left out; empty ones, and
    /// those that begin with `#`, are none.
    /// - Throws: ``AccessFileError`` with the line that is none, that names a user again, or whose password is not kept well.
    init(_ bytes: [UInt8], path: String) throws(AccessFileError) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw AccessFileError(path, "is not UTF-8 text")
        }
        for (index, line) in text.parts(at: "\n").enumerated() {
            let line = line.trimmingSpace()
            if line.isEmpty || line.begins(with: "#") { continue }
            func refusal(_ reason: String) -> AccessFileError { AccessFileError(path, line: index + 1, reason) }
            guard let (name, rest) = line.cut(at: ":"), !name.isEmpty, name.utf8.count <= Self.longestName else {
                throw refusal("is no user's; a line is a name, a colon and a hash, as `htpasswd -B` writes it")
            }
            guard places[TextKey(name)] == nil else { throw refusal("names a user that another line has; remove one") }
            switch PasswordHash.parse(rest.parts(at: ":")[0]) {
            case .success(let hash):
                places[TextKey(name)] = hashes.count
                hashes.append(hash)
            case .failure(let complaint):
                throw refusal(
                    "has a password that \(complaint.text); run `htpasswd -B \(path) NAME` to have it kept by bcrypt")
            }
        }
    }

    /// Whether there is nobody.
    var isEmpty: Bool { hashes.isEmpty }

    /// What a user's password is compared with. For one that does not exist, it is that of another: always the same one, so
    /// that the time taken does not tell who exists, whatever kinds of hashes there are.
    func hash(of user: String) -> (hash: PasswordHash, isReal: Bool) {
        if let place = places[TextKey(user)] { return (hashes[place], true) }
        guard !hashes.isEmpty else { return (.unknown, false) }
        let code = HMAC<SHA256>.authenticationCode(for: Array(user.utf8), using: key)
        let number = code.prefix(7).reduce(0) { $0 << 8 | Int($1) }
        return (hashes[number % hashes.count], false)
    }
}
