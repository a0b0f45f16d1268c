import FPContractDriver
import Glibc

/// The symbols that a library shows to others.
enum ElfSymbols {
    /// - Throws: `Inapplicable` if the file has no section headers to find them by.
    static func exported(by path: String) throws -> [String] {
        let bytes = try contents(of: path)
        guard bytes.count >= 64 else { throw Broken("the file is no ELF file") }
        let sectionTable = Int(clamping: number(bytes, 40, 8))
        let size = Int(number(bytes, 58, 2))
        let count = Int(number(bytes, 60, 2))
        let sections = (0..<count).map { sectionTable + $0 * size }.filter { $0 + 64 <= bytes.count }
        guard let symbols = sections.first(where: { number(bytes, $0 + 4, 4) == dynamicSymbols }) else {
            throw Inapplicable(reason: "the file has no section headers to find its symbols by")
        }
        let link = Int(number(bytes, symbols + 40, 4))
        guard link < sections.count else { throw Broken("the file's section headers are broken") }
        let names = Int(clamping: number(bytes, sections[link] + 24, 8))
        let start = Int(clamping: number(bytes, symbols + 24, 8))
        let length = Int(clamping: number(bytes, symbols + 32, 8))
        return stride(from: start, to: min(start + length, bytes.count - 23), by: 24).compactMap { place in
            let binding = number(bytes, place + 4, 1) >> 4
            let visibility = number(bytes, place + 5, 1) & 3
            let section = number(bytes, place + 6, 2)
            // Global or weak, defined here, and not hidden.
            guard binding == 1 || binding == 2, section != 0, visibility == 0 || visibility == 3 else { return nil }
            let name = names + Int(number(bytes, place, 4))
            guard name < bytes.count else { return nil }
            return String(decoding: bytes[name...].prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    private static let dynamicSymbols: UInt64 = 11

    private static func number(_ bytes: [UInt8], _ place: Int, _ count: Int) -> UInt64 {
        guard place >= 0, place + count <= bytes.count else { return 0 }
        return bytes[place..<place + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func contents(of path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw DriverFailure("\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        while case let count = read(descriptor, &chunk, chunk.count), count > 0 { bytes += chunk.prefix(count) }
        return bytes
    }
}
