/// The name of an upload: a random UUID (version 4) in shortuuid's base 57, always 22 characters.
///
/// The alphabet has no `0 1 I O l`, nothing that a URL would escape and no separator of a path, so that the same
/// 22 characters can be a path segment, a query value and an object key.
public struct UploadID: Hashable, Sendable, LosslessStringConvertible {
    /// The number of characters in every identifier.
    public static let length = 22

    static let alphabet = Array("23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".utf8)

    private static let isLetter: [Bool] = {
        var table = [Bool](repeating: false, count: 256)
        for letter in alphabet { table[Int(letter)] = true }
        return table
    }()

    /// The 22 characters.
    public let description: String

    /// Accepts exactly what ``random()`` can produce, as far as the alphabet and the length go.
    public init?(_ description: String) {
        var count = 0
        for byte in description.utf8 {
            guard Self.isLetter[Int(byte)] else { return nil }
            count += 1
        }
        guard count == Self.length else { return nil }
        self.description = description
    }

    private init(unchecked description: String) {
        self.description = description
    }

    /// - Parameter letters: ``length`` letters of the alphabet.
    init(letters: [UInt8]) {
        self.init(unchecked: String(decoding: letters, as: UTF8.self))
    }

    /// A number as half an identifier: 57^11 is a little more than 2^64.
    static func letters(of number: UInt64) -> [UInt8] {
        var letters = [UInt8](repeating: alphabet[0], count: length / 2)
        var (rest, position) = (number, length / 2)
        while rest > 0 {
            position -= 1
            letters[position] = alphabet[Int(rest % 57)]
            rest /= 57
        }
        return letters
    }

    /// A new identifier with 122 random bits (RFC 9562, section 5.4).
    public static func random() -> UploadID {
        var generator = SystemRandomNumberGenerator()
        var bits = UInt128(generator.next()) << 64 | UInt128(generator.next())
        bits = bits & ~(UInt128(0xF) << 76) | UInt128(4) << 76
        bits = bits & ~(UInt128(0x3) << 62) | UInt128(2) << 62
        var letters = [UInt8](repeating: alphabet[0], count: length)
        var position = length
        while bits > 0 {
            let (quotient, remainder) = bits.quotientAndRemainder(dividingBy: 57)
            position -= 1
            letters[position] = alphabet[Int(remainder)]
            bits = quotient
        }
        return UploadID(unchecked: String(decoding: letters, as: UTF8.self))
    }
}
