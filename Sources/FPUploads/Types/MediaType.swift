import FPFormats
import NIOCore

/// Which media type a file is served with.
///
/// A browser trusts the type it is told, so it comes from the bytes' own signature, else from the file's extension,
/// and only then from what the client claimed.
enum MediaType {
    static let unknown = "application/octet-stream"

    /// `head`, continued to its full length with what the buffers begin with.
    static func head(_ head: [UInt8], _ buffers: [ByteBuffer]) -> [UInt8] {
        var head = head
        for buffer in buffers where head.count < FileContent.headLength {
            head.append(contentsOf: buffer.readableBytesView.prefix(FileContent.headLength - head.count))
        }
        return head
    }

    static func of(signature: [UInt8], name: String, declared: String?) -> String {
        let byExtension = FileExtension.last(of: name).flatMap { FileExtension.type(of: $0) }
        if let bySignature = FileContent.binary(signature) {
            // A container format says less than an extension that is known to use it.
            guard let byExtension, Container.may(bySignature, be: byExtension) else { return bySignature }
            return byExtension
        }
        return byExtension ?? declared.flatMap(MediaTypeName.parse) ?? unknown
    }
}
