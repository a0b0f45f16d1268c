import CZlib
import ContentCodings

extension FuzzTarget {
    private static let limit = 1 << 20
    /// Of the window: what may be repeated, and what is decoded at a time.
    private static let window = 96 << 10

    /// A body with a content coding: the same content however it is cut and however slowly it is taken, never more of it
    /// than is wanted, and whole only if it is for zlib. The input is a byte that says which coding, a byte that says
    /// where to cut, and the body.
    static let coding = FuzzTarget("coding") { input in
        guard input.count > 2 else { return }
        let isGzip = input[0] & 1 == 0
        let body = input[2...]
        let step = 1 + Int(input[1])
        let pieces = stride(from: body.startIndex, to: body.endIndex, by: step).map {
            body[$0..<min($0 + step, body.endIndex)]
        }
        let whole = DecodedBody([body], isGzip: isGzip, limit: limit, isSlow: false)
        require(whole.content.count <= limit && whole.most <= window, "more than is wanted")
        for isSlow in [false, true] {
            let cut = DecodedBody(pieces, isGzip: isGzip, limit: limit, isSlow: isSlow)
            require(cut.content.count <= limit && cut.most <= window, "more than is wanted, of pieces")
            // What is handed out at once depends on the cuts. So does what is left out where the limit is, and whether
            // that or the damage behind it is met first.
            let isRefused = [cut.ending, whole.ending].allSatisfy { $0 == .unwanted || $0 == .damaged }
            require(cut.ending == whole.ending || isRefused, "\(cut.ending) when cut, and \(whole.ending)")
            let common = min(cut.content.count, whole.content.count)
            require(cut.content[..<common] == whole.content[..<common], "other content when cut")
            if whole.ending == .whole { require(cut.content.count == whole.content.count, "less content when cut") }
        }
        let reference = Zlib.content(of: Array(body), isGzip: isGzip, limit: limit)
        switch (whole.ending, reference) {
        case (.unwanted, _), (_, .tooMuch): break
        case (.whole, .whole(let content)): require(content == whole.content, "other content than zlib's")
        case (.whole, .none): require(false, "whole, and not for zlib")
        case (_, .whole): require(false, "whole for zlib, and \(whole.ending)")
        default: break
        }
    }
}

/// The decoder that everybody has.
private enum Zlib {
    enum Result {
        case whole([UInt8])
        case tooMuch
        case none
    }

    static func content(of body: [UInt8], isGzip: Bool, limit: Int) -> Result {
        // zlib's format where its header is there, and without a header otherwise.
        let hasHeader =
            body.count > 1 && body[0] & 15 == 8 && body[0] >> 4 <= 7
            && (Int(body[0]) << 8 | Int(body[1])) % 31 == 0
        var input = body
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        var content: [UInt8] = []
        return input.withUnsafeMutableBufferPointer { input in
            var stream = z_stream()
            guard fuzz_inflate_init(&stream, isGzip ? 31 : hasHeader ? 15 : -15) == Z_OK else {
                fatalError("zlib has no memory")
            }
            defer { inflateEnd(&stream) }
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            while true {
                let result = buffer.withUnsafeMutableBufferPointer { buffer in
                    stream.next_out = buffer.baseAddress
                    stream.avail_out = UInt32(buffer.count)
                    return inflate(&stream, Z_NO_FLUSH)
                }
                content += buffer[..<(buffer.count - Int(stream.avail_out))]
                if content.count > limit { return .tooMuch }
                switch result {
                case Z_OK: continue
                case Z_STREAM_END where stream.avail_in == 0: return .whole(content)
                // A gzip file is a series of members.
                case Z_STREAM_END where isGzip: inflateReset(&stream)
                default: return .none
                }
            }
        }
    }
}
