import FPMultipart
import NIOCore

/// A part as a test knows it.
struct FormPart: Equatable {
    var name: String
    var filename: String?
    var contentType: String?
    var content: [UInt8]
}

/// What came out of a body: its parts, and how it ended.
struct ParsedForm: Equatable {
    var parts: [FormPart] = []
    var openPart: FormPart?
    var isComplete = false
    var error: MultipartError?
}

/// A form written out as browsers do it.
func encoded(_ parts: [FormPart], boundary: String, preamble: String = "", epilogue: String = "") -> [UInt8] {
    var body = Array(preamble.utf8)
    for part in parts {
        body += Array("--\(boundary)\r\nContent-Disposition: form-data; name=\"\(part.name)\"".utf8)
        if let filename = part.filename {
            body += Array("; filename=\"\(filename)\"".utf8)
        }
        body += Array("\r\n".utf8)
        if let type = part.contentType {
            body += Array("Content-Type: \(type)\r\n".utf8)
        }
        body += Array("\r\n".utf8) + part.content + Array("\r\n".utf8)
    }
    return body + Array("--\(boundary)--\r\n\(epilogue)".utf8)
}

/// Parses pieces, and checks on the way that events come in an order that makes sense.
func parse(
    _ pieces: [ArraySlice<UInt8>],
    boundary: String,
    limits: MultipartParser.Limits = .init()
) throws -> ParsedForm {
    var parser = MultipartParser(boundary: try MultipartBoundary(boundary), limits: limits)
    var form = ParsedForm()
    do {
        for piece in pieces {
            parser.append(ByteBuffer(bytes: piece))
            while let event = try parser.next() {
                try form.take(event)
            }
        }
        try parser.finish()
    } catch let error as MultipartError {
        form.error = error
    }
    return form
}

struct OutOfOrder: Error {
    let event: MultipartEvent
}

extension ParsedForm {
    mutating func take(_ event: MultipartEvent) throws {
        switch event {
        case .partBegin(let part) where openPart == nil && !isComplete:
            openPart = FormPart(
                name: part.name,
                filename: part.filename,
                contentType: part.contentType,
                content: []
            )
        case .bytes(let bytes) where openPart != nil && bytes.readableBytes > 0:
            openPart?.content += Array(bytes.readableBytesView)
        case .partEnd:
            guard let part = openPart else {
                throw OutOfOrder(event: event)
            }
            parts.append(part)
            openPart = nil
        case .end where openPart == nil && !isComplete:
            isComplete = true
        default:
            throw OutOfOrder(event: event)
        }
    }
}

/// Cuts bytes at the given places.
func cut(_ bytes: [UInt8], at places: [Int]) -> [ArraySlice<UInt8>] {
    let bounds = [0] + places.sorted() + [bytes.count]
    return zip(bounds, bounds.dropFirst()).map { bytes[$0..<$1] }
}

/// The parser at its simplest, on a whole body at once, for bodies that keep to the rules: looks for the delimiter at
/// every place, one byte at a time, and takes names from between the quotes.
func referenceParse(_ body: [UInt8], boundary: String) -> [FormPart] {
    let delimiter = Array("\r\n--\(boundary)".utf8)
    let text = Array("\r\n".utf8) + body
    var places: [Int] = []
    var place = 0
    while place + delimiter.count <= text.count {
        if Array(text[place..<place + delimiter.count]) == delimiter {
            places.append(place)
            place += delimiter.count
        } else {
            place += 1
        }
    }
    return zip(places, places.dropFirst()).map { start, end in
        let section = Array(text[(start + delimiter.count)..<end])
        var split = 0
        while Array(section[split..<split + 4]) != Array("\r\n\r\n".utf8) {
            split += 1
        }
        let header = String(decoding: section[..<split], as: UTF8.self)
        let quoted = { (key: String) -> String? in
            let parts = header.split(separator: key + "=\"", maxSplits: 1)
            return parts.count == 2 ? String(parts[1].prefix { $0 != "\"" }) : nil
        }
        let type = header.split(separator: "Content-Type: ", maxSplits: 1)
        return FormPart(
            name: quoted("; name") ?? "",
            filename: quoted("; filename"),
            contentType: type.count == 2 ? String(type[1]) : nil,
            content: Array(section[(split + 4)...])
        )
    }
}
