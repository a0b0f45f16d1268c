import FPStorage
import Glibc
import NIOCore
import Support
import Testing

/// An object as a file, by the extension `fp.read_fd/1`.
@Suite struct `Files of a store` {
    private static let size = 600_000

    private static func store(offersFiles: Bool = true) async throws -> (TestStore, ByteBuffer) {
        let test = try await TestStore(options: [.integer(offersFiles ? 1 : 0, key: "files")])
        let content = bytes(size)
        try await test.store.put(WriteRequest(key: "k"), [content], power: false)
        return (test, content)
    }

    /// The bytes of the piece; closes it.
    private static func contents(of file: StoreFile) -> ByteBuffer {
        let descriptor = file.take()
        defer { close(descriptor) }
        var buffer = ByteBuffer()
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: Int(file.length)) { room in
            max(0, pread(descriptor, room.baseAddress, Int(file.length), off_t(file.offset)))
        }
        return buffer
    }

    @Test(arguments: [(0 as UInt64, nil as UInt64?), (1, nil), (7, 300_000), (100, 10_000_000)])
    func `many bytes come as a file if that is asked for, and once`(offset: UInt64, length: UInt64?) async throws {
        let (test, content) = try await Self.store()
        let reader = try await test.store.read("k", offset: offset, length: length, asFile: true)
        let file = try #require(reader.takeFile())
        #expect(reader.takeFile() == nil)
        let count = Int(min(length ?? .max, UInt64(Self.size) - offset))
        #expect(Self.contents(of: file) == content.getSlice(at: Int(offset), length: count))
        #expect(file.take() == -1)
        #expect(test.control[.read, .calls] == 0)
        #expect(test.control[.readClose, .calls] == 1, "the reader is closed in the same job")
    }

    @Test func `few bytes come with the opening, and nothing is left to read`() async throws {
        let (test, content) = try await Self.store()
        let reader = try await test.store.read("k", offset: 10, length: 10_000, asFile: true)
        #expect(reader.takeFile() == nil)
        #expect(reader.takeWhole() == content.getSlice(at: 10, length: 10_000))
        #expect(reader.takeWhole() == nil)
        #expect(try await reader.next() == nil)
        #expect(test.control[.readFD, .calls] == 0)
    }

    @Test func `a file that nobody takes is no loss: the reader brings the bytes`() async throws {
        let (test, content) = try await Self.store()
        #expect(try await test.store.read("k", asFile: true).rest() == content)
        #expect(try await test.store.read("k").rest() == content)
        #expect(test.control[.readFD, .calls] == 1)
    }

    @Test func `without the extension, or where it has no file for a reader, the host reads`() async throws {
        for offersFiles in [false, true] {
            let (test, content) = try await Self.store(offersFiles: offersFiles)
            if offersFiles { test.control.fail(.readFD, 101) }
            let reader = try await test.store.read("k", asFile: true)
            #expect(reader.takeFile() == nil)
            #expect(reader.takeWhole() == nil)
            #expect(try await reader.rest() == content)
        }
    }

    @Test(arguments: [1, 2])
    func `a plugin that gives no descriptor, or too many bytes, has broken its contract`(lie: Int) async throws {
        let (test, _) = try await Self.store()
        test.control[.readFD, .lie] = lie
        let error = try await failure { try await test.store.read("k", asFile: true) }
        #expect(error.code == .internalError)
        #expect(error.message.hasPrefix("the plugin broke its contract"))
        #expect(test.control[.readClose, .calls] == test.control[.readOpen, .calls])
    }

    @Test func `a failure in passing is repeated with another reader`() async throws {
        let (test, content) = try await Self.store()
        test.control.fail(.readFD, 200, times: 1)
        let reader = try await test.store.read("k", asFile: true)
        #expect(Self.contents(of: try #require(reader.takeFile())) == content)
        #expect(test.control[.readOpen, .calls] == 2)
        #expect(test.control[.readClose, .calls] == 2)
    }
}
