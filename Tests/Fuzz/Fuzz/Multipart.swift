import FPMultipart
import NIOCore

/// What came out of a body, with pieces of content joined: they may be cut anywhere.
private struct Transcript: Equatable {
    var events: [MultipartEvent] = []
    var error: MultipartError?

    mutating func take(_ event: MultipartEvent) {
        guard case .bytes(let bytes) = event, case .bytes(var joined)? = events.last else {
            events.append(event)
            return
        }
        joined.writeImmutableBuffer(bytes)
        events[events.count - 1] = .bytes(joined)
    }
}

private func transcript(_ pieces: some Sequence<ArraySlice<UInt8>>, _ boundary: MultipartBoundary) -> Transcript {
    var parser = MultipartParser(boundary: boundary)
    var transcript = Transcript()
    do throws(MultipartError) {
        for piece in pieces {
            parser.append(ByteBuffer(bytes: piece))
            while let event = try parser.next() {
                if case .bytes(let bytes) = event, bytes.readableBytes == 0 {
                    fatalError("an event without bytes")
                }
                transcript.take(event)
            }
        }
        try parser.finish()
    } catch {
        transcript.error = error
    }
    return transcript
}

extension FuzzTarget {
    /// The input: a byte that says where to cut, the boundary, a line feed, and the body.
    ///
    /// A body gives the same events, and the same error, however it is cut.
    static let multipart = FuzzTarget("multipart") { input in
        guard let size = input.first, let end = input.firstIndex(of: UInt8(ascii: "\n")),
            let boundary = try? MultipartBoundary(String(decoding: input[1..<max(1, end)], as: UTF8.self))
        else {
            return
        }
        let body = input[(end + 1)...]
        let whole = transcript([body], boundary)
        let step = 1 + Int(size)
        let even = stride(from: body.startIndex, to: body.endIndex, by: step).map {
            body[$0..<min($0 + step, body.endIndex)]
        }
        let bytewise = body.indices.map { body[$0...$0] }
        let two = [body.prefix(Int(size)), body.dropFirst(Int(size))]
        require(
            transcript(even, boundary) == whole && transcript(bytewise, boundary) == whole
                && transcript(two, boundary) == whole, "the events depend on where the body is cut")
    }
}
