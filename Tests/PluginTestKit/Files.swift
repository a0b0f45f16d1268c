import Glibc

/// A text file.
package func readFile(_ path: String) throws -> String {
    guard let file = fopen(path, "re") else { throw Problem("cannot read \(path): errno \(errno)") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk.prefix(count) }
    return String(decoding: bytes, as: UTF8.self)
}

/// Writes a text file in place of what was there.
package func writeFile(_ path: String, _ text: String) throws {
    guard let file = fopen(path, "we") else { throw Problem("cannot write \(path): errno \(errno)") }
    defer { fclose(file) }
    guard fputs(text, file) >= 0 else { throw Problem("cannot write \(path): errno \(errno)") }
}
