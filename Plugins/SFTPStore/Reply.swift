import FPPluginKit

/// What a server answers (draft-ietf-secsh-filexfer-02, section 7).
enum Reply: Sendable {
    case status(Status)
    case handle([UInt8])
    case data([UInt8])
    case names([Name])
    case attributes(Attributes)
    case extended([UInt8])

    static let absent = Reply.status(Status(code: Status.noSuchFile, text: ""))

    struct Name: Sendable {
        /// As the server has it; need not be UTF-8.
        let bytes: [UInt8]
        let attributes: Attributes
    }

    static let dataKind: UInt8 = 103

    /// The bytes in the body of a reply that brings a piece of a file; nil if it is torn.
    static func data(_ body: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard body.count >= 4 else { return nil }
        let count = UInt32(bigEndian: body.loadUnaligned(as: UInt32.self))
        guard body.count - 4 >= count else { return nil }
        return UnsafeRawBufferPointer(rebasing: body[4..<4 + Int(count)])
    }

    /// Reads the body of a reply of this kind; nil if it is none, or torn.
    init?(kind: UInt8, body: UnsafeRawBufferPointer) {
        if kind == Self.dataKind {
            guard let data = Self.data(body) else { return nil }
            self = .data(Array(data))
            return
        }
        var reader = ByteReader(body, .ssh)
        switch kind {
        case 101:
            guard let code = reader.next(UInt32.self) else { return nil }
            // Servers before version 3 send no text.
            let text = reader.nextString().map { String(decoding: $0, as: UTF8.self) } ?? ""
            self = .status(Status(code: code, text: text))
        case 102:
            guard let handle = reader.nextString(), handle.count <= 256 else { return nil }
            self = .handle(Array(handle))
        case 104:
            guard let count = reader.next(UInt32.self) else { return nil }
            var names: [Name] = []
            for _ in 0..<count {
                guard let name = reader.nextString(), reader.nextString() != nil, let found = Attributes(&reader)
                else { return nil }
                names.append(Name(bytes: Array(name), attributes: found))
            }
            self = .names(names)
        case 105:
            guard let found = Attributes(&reader) else { return nil }
            self = .attributes(found)
        case 201: self = .extended(Array(reader.rest))
        default: return nil
        }
    }
}

/// How a request went.
struct Status: Sendable, Equatable {
    let code: UInt32
    /// The server's words. Servers differ, so they are for people only.
    let text: String

    static let ok: UInt32 = 0
    static let endOfFile: UInt32 = 1
    static let noSuchFile: UInt32 = 2
    static let permissionDenied: UInt32 = 3
    static let failure: UInt32 = 4
    static let badMessage: UInt32 = 5
    static let unsupported: UInt32 = 8
    // Later versions of the protocol; some servers of version 3 send them.
    static let noSuchPath: UInt32 = 10
    static let exists: UInt32 = 11
    static let writeProtected: UInt32 = 12
    static let noSpace: UInt32 = 14
    static let quotaExceeded: UInt32 = 15
    static let directoryNotEmpty: UInt32 = 18
    static let notADirectory: UInt32 = 19
    static let invalidName: UInt32 = 20
    static let linkLoop: UInt32 = 21

    var isOK: Bool { code == Self.ok }
    var isAbsent: Bool { code == Self.noSuchFile || code == Self.noSuchPath || code == Self.notADirectory }
}
