/// The names that take the place of one that is taken: `name_2.ext`, `name_3.ext`, ...
///
/// The ending that stays behind the number is the last one, and with `.tar` before it both (`a_2.tar.gz`): of any other
/// name with several dots, nobody can tell which of them are endings. A name that begins with its only dot has none.
public struct NumberedName: Sendable, Equatable {
    private let stem: Substring
    private let ending: Substring
    private let maxBytes: Int

    /// - Parameters:
    ///   - name: a name in form C.
    ///   - maxBytes: how long a name with a number may be; what comes before the number is cut for that, between two
    ///     characters.
    public init(_ name: String, maxBytes: Int = FileName.maxBytes) {
        let (stem, ending) = FileName.parted(name)
        if let inner = stem.utf8.lastIndex(of: UInt8(ascii: ".")), inner > stem.startIndex,
            stem[inner...].utf8.elementsEqual(".tar".utf8), !ending.isEmpty
        {
            (self.stem, self.ending) = (stem[..<inner], name[inner...])
        } else {
            (self.stem, self.ending) = (stem, ending)
        }
        self.maxBytes = maxBytes
    }

    /// The name with a number; the first one is the name itself, whatever its length.
    public func text(_ number: Int) -> String {
        guard number > 1 else { return String(stem) + ending }
        let tail = "_\(number)" + ending
        return FileName.prefix(of: stem, within: max(0, maxBytes - tail.utf8.count)) + tail
    }

    /// Which number a name has that is one of these; `nil` for any other.
    public func number(of name: String) -> Int? {
        if name.isSame(as: text(1)) { return 1 }
        let digits = name.utf8.dropLast(ending.utf8.count).reversed().prefix { (0x30...0x39).contains($0) }
        guard let number = Int(String(decoding: digits.reversed(), as: UTF8.self)), number > 1,
            name.isSame(as: text(number))
        else { return nil }
        return number
    }
}
