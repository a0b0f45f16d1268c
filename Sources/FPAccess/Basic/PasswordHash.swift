import CCrypt
import FPFormats
import Glibc

/// What is kept of a password: bcrypt, SHA-512-crypt or yescrypt, as crypt(5) writes them.
struct PasswordHash: Sendable {
    private let text: String

    /// Stands for a password that nobody has.
    static let unknown = PasswordHash(text: "$2y$10$" + String(repeating: ".", count: 53))

    /// The longest password that is looked at, in bytes: that of libcrypt.
    static let longestPassword = Int(CRYPT_MAX_PASSPHRASE_SIZE) - 1

    /// What bcrypt heeds of a password, in bytes.
    private static let mostOfBcrypt = 72

    /// Reads the second field of a line of an htpasswd file.
    static func parse(_ text: Substring) -> Result<PasswordHash, Complaint> {
        let complaint: String? =
            if isBcrypt(text) {
                bcryptComplaint(text)
            } else if text.begins(with: "$6$") {
                sha512Complaint(text)
            } else if text.begins(with: "$y$") {
                yescryptComplaint(text)
            } else if text.begins(with: "$apr1$") || text.begins(with: "$1$") {
                "is kept by MD5, which is guessed in no time"
            } else if text.begins(with: "{SHA}") {
                "is kept by SHA-1 without salt, which is guessed in no time"
            } else if text.begins(with: "$") || text.begins(with: "{") {
                "is kept in a way that is not known here"
            } else if text.utf8.count == 13, text.utf8.allSatisfy({ digits.contains($0) }) {
                "is kept by DES, which is guessed in no time and heeds eight letters only"
            } else {
                "is kept as plain text, or as no hash at all"
            }
        guard let complaint else { return .success(PasswordHash(text: String(text))) }
        return .failure(Complaint(complaint))
    }

    private static func isBcrypt(_ text: Substring) -> Bool {
        ["$2y$", "$2a$", "$2b$"].contains { text.begins(with: $0) }
    }

    /// Whether it is of that password. Takes up to a second, and blocks the thread. Where bcrypt would not heed the end of a
    /// password, that is of no hash: any other end would be as good.
    /// - Parameter password: Without NUL, which the C library would take for its end.
    func accepts(_ password: String) -> Bool {
        guard password.utf8.count <= Self.mostOfBcrypt || !Self.isBcrypt(text[...]) else { return false }
        let size = MemoryLayout<crypt_data>.size
        let area = UnsafeMutableRawPointer.allocate(
            byteCount: size, alignment: MemoryLayout<crypt_data>.alignment)
        area.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        defer {
            explicit_bzero(area, size)
            area.deallocate()
        }
        guard let output = crypt_rn(password, text, area, Int32(size)) else { return false }
        return Self.isSame(UnsafeRawBufferPointer(start: output, count: strlen(output)), text)
    }

    /// The time taken does not depend on where they differ.
    private static func isSame(_ bytes: UnsafeRawBufferPointer, _ text: String) -> Bool {
        guard bytes.count == text.utf8.count else { return false }
        var difference: UInt8 = 0
        for (one, other) in zip(bytes, text.utf8) { difference |= one ^ other }
        return difference == 0
    }

    // MARK: - What each form looks like. One that costs too much would be a way to keep the host busy.

    /// crypt(5)'s own base 64, in the order of the digits' values.
    private static let digits = Array("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    private static func bcryptComplaint(_ text: Substring) -> String? {
        let bytes = Array(text.utf8)
        guard bytes.count == 60, bytes[6] == UInt8(ascii: "$"),
            let cost = Int(String(decoding: bytes[4..<6], as: UTF8.self)),
            bytes[7...].allSatisfy(digits.contains), (4...31).contains(cost)
        else { return "is no whole bcrypt hash" }
        return cost > 14 ? "has a bcrypt cost of \(cost), more than 14, so that each check would take seconds" : nil
    }

    private static func sha512Complaint(_ text: Substring) -> String? {
        var fields = text.parts(at: "$").dropFirst(2)
        if let rounds = fields.first?.without(prefix: "rounds=") {
            guard let count = Int(rounds), count >= 1000 else { return "is no whole SHA-512-crypt hash" }
            if count > 1_000_000 {
                return "has \(count) rounds, more than 1000000, so that each check would take seconds"
            }
            fields.removeFirst()
        }
        guard fields.count == 2, let salt = fields.first, let hash = fields.last, salt.utf8.count <= 16,
            hash.utf8.count == 86, (Array(salt.utf8) + hash.utf8).allSatisfy(digits.contains)
        else { return "is no whole SHA-512-crypt hash" }
        return nil
    }

    private static func yescryptComplaint(_ text: Substring) -> String? {
        let fields = text.parts(at: "$").dropFirst(2).map { Array($0.utf8) }
        guard fields.count == 3, fields[0].count == 3, fields[0][0] == UInt8(ascii: "j"), fields[2].count == 43,
            fields.joined().allSatisfy(digits.contains), let memory = digits.firstIndex(of: fields[0][1]),
            let blocks = digits.firstIndex(of: fields[0][2])
        else { return "is no whole yescrypt hash" }
        // 64 MiB each: 128 bytes by 32 by 2 to the power of 14.
        return memory > 13 || blocks > 31 ? "is a yescrypt hash that needs more than 64 MiB for each check" : nil
    }
}
