import CDescription
import FPFormats
import FPHTTP
import NIOCore
import Synchronization

/// What the host says of its addresses: the OpenAPI 3.1 document of `Sources/CDescription/openapi.json`, with the base
/// path of this host in the place of the one that is written there.
final class HostDescription: Sendable {
    /// The document as it is sent.
    struct Document: Sendable {
        var bytes: ByteBuffer
        /// Changes whenever the bytes do.
        var etag: EntityTag?
    }

    /// The base path in the file.
    private static let written = "/fp"

    private let basePath: String
    /// Made when somebody asks, which most hosts are never asked.
    private let made = Mutex<Document?>(nil)

    init(basePath: String) {
        self.basePath = basePath
    }

    /// The document, the same each time.
    var document: Document {
        made.withLock { made in
            if let made { return made }
            let document = Self.make(basePath)
            made = document
            return document
        }
    }

    private static func make(_ basePath: String) -> Document {
        var count = 0
        let file = UnsafeBufferPointer(start: cd_openapi(&count), count: count)
        guard let written = try? JSON(parsing: file) else { preconditionFailure("openapi.json is no JSON") }
        let text = moved(written, to: basePath).text
        return Document(bytes: ByteBuffer(string: text), etag: EntityTag(opaque: digest(text)))
    }

    private static func moved(_ document: JSON, to basePath: String) -> JSON {
        guard case .object(var members) = document, let place = members.firstIndex(where: { $0.name == "paths" }),
            case .object(var paths) = members[place].value
        else { preconditionFailure("openapi.json has no paths") }
        for index in paths.indices {
            guard let rest = paths[index].name.without(prefix: written) else { continue }
            let path = (basePath == "/" ? "" : basePath) + rest
            paths[index].name = path.isEmpty ? "/" : path
        }
        members[place].value = .object(paths)
        return .object(members)
    }

    /// FNV-1a (draft-eastlake-fnv): nobody else chooses the text, so nothing stronger is needed.
    private static func digest(_ text: String) -> String {
        let number = text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return String(number, radix: 16)
    }
}
