import FPFormats
import Glibc
import NIOCore
import NIOPosix

/// The files of the demo page, read anew for each request, so that the client's can be put in place while the host
/// runs.
package struct DemoFiles: Sendable {
    /// A file as it is served.
    struct File: Sendable {
        var bytes: ByteBuffer
        var type: String
        /// Changes whenever the file does.
        var version: String
    }

    /// The largest file that is served, in bytes.
    private static let maximumSize = 4 << 20

    private static let types = [
        "html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8",
        "map": "application/json", "svg": "image/svg+xml", "png": "image/png",
    ]

    private let pageDirectory: String
    private let vendorDirectory: String

    /// - Parameters:
    ///   - pageDirectory: The directory with `index.html`, `demo.js` and `demo.css`.
    ///   - vendorDirectory: The directory with the FilePond client's files.
    package init(pageDirectory: String, vendorDirectory: String) {
        self.pageDirectory = pageDirectory
        self.vendorDirectory = vendorDirectory
    }

    /// A file of the page itself.
    func page(_ name: String) async -> File? { await read(name, in: pageDirectory) }

    /// A file of the FilePond client.
    func vendor(_ name: String) async -> File? { await read(name, in: vendorDirectory) }

    /// Reads a file, on a thread that may block. A name is one segment of a path and starts with no dot; a link is
    /// not followed: nothing outside the directory is ever read.
    private func read(_ name: String, in directory: String) async -> File? {
        guard let ending = name.cutAtLast(".")?.behind, let type = Self.types[String(ending)] else {
            return nil
        }
        let isPlain = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
        }
        guard isPlain, !name.begins(with: ".") else { return nil }
        let path = directory + "/" + name
        guard let found = try? await NIOThreadPool.singleton.runIfActive({ Self.contents(of: path) }) else {
            return nil
        }
        return File(bytes: ByteBuffer(bytes: found.bytes), type: type, version: found.version)
    }

    private static func contents(of path: String) -> (bytes: [UInt8], version: String)? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        guard status.st_size <= maximumSize else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var count = 0
        while count < bytes.count {
            let offset = count
            let read = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress! + offset, buffer.count - offset)
            }
            guard read > 0 else { return nil }
            count += read
        }
        return (bytes, "\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)-\(bytes.count)")
    }
}
