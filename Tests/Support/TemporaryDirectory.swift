import Foundation

/// A directory that goes with the last reference to it.
public final class TemporaryDirectory: Sendable {
    /// Where it is.
    public let url: URL

    /// Makes a new empty directory, by default where the system has its temporary files.
    public init(in parent: String = NSTemporaryDirectory()) throws {
        var template = Array((parent + "/fphost-test-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw CocoaError(.fileWriteUnknown) }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        url = URL(fileURLWithPath: path, isDirectory: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }

    /// The regular files below a directory in here, as paths relative to it, sorted; without the mark that a catalog leaves
    /// in its staging store.
    public func files(below path: String) -> [String] {
        let root = url.appendingPathComponent(path).path
        let enumerator = FileManager.default.enumerator(atPath: root)
        var files: [String] = []
        while let name = enumerator?.nextObject() as? String {
            var isDirectory: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: root + "/" + name, isDirectory: &isDirectory)
            if !isDirectory.boolValue, name != ".fphost-catalog" { files.append(name) }
        }
        return files.sorted()
    }

    /// A file's bytes.
    public func contents(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: url.appendingPathComponent(path)))
    }
}
