/// Takes the secrets of a store's configuration out of text that a plugin wrote.
struct SecretMask: Sendable {
    private let secrets: [[UInt8]]
    private static let replacement = Array("***".utf8)

    init(_ secrets: [String]) {
        // Longest first: a secret that contains another must go as a whole.
        self.secrets = Set(secrets).map { Array($0.utf8) }.filter { !$0.isEmpty }.sorted { $0.count > $1.count }
    }

    static let none = SecretMask([])

    func callAsFunction(_ text: String) -> String {
        if secrets.isEmpty { return text }
        var bytes = Array(text.utf8)
        var changed = false
        for secret in secrets where bytes.count >= secret.count {
            changed = Self.replace(secret, in: &bytes) || changed
        }
        return changed ? String(decoding: bytes, as: UTF8.self) : text
    }

    private static func replace(_ secret: [UInt8], in bytes: inout [UInt8]) -> Bool {
        var result: [UInt8] = []
        var kept = 0
        var index = 0
        while index + secret.count <= bytes.count {
            if bytes[index] == secret[0], bytes[index..<index + secret.count].elementsEqual(secret) {
                result += bytes[kept..<index]
                result += replacement
                index += secret.count
                kept = index
            } else {
                index += 1
            }
        }
        if kept == 0 { return false }
        bytes = result + bytes[kept...]
        return true
    }
}
