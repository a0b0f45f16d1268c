import FPCurl

/// Undoes a content coding (RFC 9110 section 8.4.1) while a body arrives.
///
/// libcurl could do it too, but takes a coded body that ends early for a whole one, and while it is paused keeps all that
/// a piece unfolds to. Here no more is decoded than is taken, but for a window of constant size.
final class ContentDecoder {
    enum Coding: Sendable {
        case gzip
        /// zlib's format (RFC 1950); without its header and checksum too, as some servers have it.
        case deflate
    }

    private enum Stage {
        case begin
        case header(GzipHeader)
        case content(Checksum?)
        case sum(Checksum)
        case size
        case end
    }

    private let coding: Coding
    private var stage = Stage.begin
    private var bits = BitReader()
    private var window = Window()
    private var inflater = Inflater()
    /// Of the content of a gzip member, modulo 2^32.
    private var size: UInt32 = 0
    /// Bytes that were decoded, of a piece that will be offered again.
    private var ahead = 0

    init(_ coding: Coding) {
        self.coding = coding
    }

    /// Whether what was decoded is all there is.
    var isComplete: Bool {
        if case .end = stage { true } else { false }
    }

    /// Decodes a piece of the body.
    /// - Parameter take: takes content. What it has no room for is offered to it again.
    /// - Returns: `.full` if the piece is to be offered again.
    /// - Throws: ``Damage`` if it is no coded body.
    func decode(
        _ piece: UnsafeRawBufferPointer, _ take: (UnsafeRawBufferPointer) -> Intake
    ) throws(Damage) -> Intake {
        bits.open([UInt8](piece.dropFirst(ahead)))
        while true {
            while try step() {}
            let isFull = window.room == 0
            let intake = window.handOut(take)
            guard intake == .taken else {
                ahead = max(ahead, piece.count - bits.left)
                return intake
            }
            if !isFull { break }
        }
        ahead = max(0, ahead - piece.count)
        return .taken
    }

    /// - Returns: false if the input has run out, or the room.
    private func step() throws(Damage) -> Bool {
        switch stage {
        case .begin: return try begin()
        case .header(var header):
            guard let byte = bits.take(8) else { return false }
            let isLast = try header.take(UInt8(truncatingIfNeeded: byte))
            stage = isLast ? .content(.emptyCRC32) : .header(header)
        case .content(let checksum): return try content(checksum)
        case .sum(let checksum):
            guard let sum = bits.take(32).map({ UInt32(truncatingIfNeeded: $0) }) else { return false }
            guard (coding == .gzip ? sum : sum.byteSwapped) == checksum.value else {
                throw Damage(problem: "its checksum is wrong")
            }
            stage = coding == .gzip ? .size : .end
        case .size:
            guard let said = bits.take(32) else { return false }
            guard said == Int(size) else { throw Damage(problem: "its size is not the one that it says") }
            stage = .end
        case .end:
            guard !bits.isEmpty else { return false }
            // A gzip file is a series of members (RFC 1952 section 2.2).
            guard coding == .gzip else { throw Damage(problem: "there is more behind its end") }
            stage = .begin
        }
        return true
    }

    private func begin() throws(Damage) -> Bool {
        switch coding {
        case .gzip:
            stage = .header(GzipHeader())
        case .deflate:
            bits.fill()
            guard bits.heldCount >= 16 else { return false }
            let (method, flags) = (bits.peek(8), bits.peek(8, skipping: 8))
            let isZlib = method & 15 == 8 && method >> 4 <= 7 && (method << 8 | flags) % 31 == 0
            if isZlib {
                bits.drop(16)
                guard flags & 0x20 == 0 else { throw Damage(problem: "it needs a dictionary") }
            }
            stage = .content(isZlib ? .emptyAdler32 : nil)
        }
        inflater = Inflater()
        window.begin()
        size = 0
        return true
    }

    private func content(_ checksum: Checksum?) throws(Damage) -> Bool {
        let before = window.end
        try inflater.run(&bits, into: &window)
        let decoded = window.since(before)
        size &+= UInt32(truncatingIfNeeded: decoded.count)
        var checksum = checksum
        checksum?.add(decoded)
        stage = .content(checksum)
        guard inflater.isAtEnd else { return false }
        bits.align()
        stage = checksum.map { .sum($0) } ?? .end
        return true
    }
}
