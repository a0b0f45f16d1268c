import FPPluginKit
import Foundation
import Glibc
import Testing

@Suite("FPPluginKit: bytes")
struct ByteTests {
    private func write(_ layout: ByteLayout) -> [UInt8] {
        var writer = ByteWriter(layout)
        writer.append(UInt8(1))
        writer.append(UInt32(0x0203_0405))
        writer.append("é")
        writer.append([7, 8] as [UInt8])
        return writer.bytes
    }

    @Test("Numbers and strings stand as the layout says")
    func layouts() {
        #expect(
            write(ByteLayout(.littleEndian, lengthSize: .two)) == [1, 5, 4, 3, 2, 2, 0, 0xC3, 0xA9, 2, 0, 7, 8])
        #expect(
            write(ByteLayout(.bigEndian, lengthSize: .four))
                == [1, 2, 3, 4, 5, 0, 0, 0, 2, 0xC3, 0xA9, 0, 0, 0, 2, 7, 8])
    }

    @Test(
        "What was written is read again, and nothing of it where it ends early",
        arguments: [
            ByteLayout(.littleEndian, lengthSize: .two), ByteLayout(.bigEndian, lengthSize: .two),
            ByteLayout(.littleEndian, lengthSize: .four), ByteLayout(.bigEndian, lengthSize: .four),
        ])
    func reading(layout: ByteLayout) {
        let bytes = write(layout)
        func read(_ bytes: some Collection<UInt8>) -> Bool {
            var reader = ByteReader(bytes, layout)
            return reader.next(UInt8.self) == 1 && reader.next(UInt32.self) == 0x0203_0405
                && reader.nextText() == "é" && reader.nextString().map(Array.init) == [7, 8] && reader.isAtEnd
        }
        #expect(read(bytes))
        for count in bytes.indices { #expect(!read(bytes[..<count])) }
        #expect(!read(bytes + [0]))
    }

    @Test("A string that is no UTF-8 is no text")
    func noText() {
        let layout = ByteLayout(.bigEndian, lengthSize: .two)
        var reader = ByteReader([0, 1, 0xFF, 9], layout)
        #expect(reader.nextText() == nil)
        reader = ByteReader([0, 1, 0xFF, 9], layout)
        #expect(reader.nextString()?.elementsEqual([0xFF]) == true)
        #expect(reader.rest.elementsEqual([9]))
    }

    @Test("Words are sixteen digits in lower case each")
    func hexadecimal() {
        #expect(Hexadecimal.text(0) == "0000000000000000")
        #expect(Hexadecimal.text(0x0123_4567_89AB_CDEF, .max) == "0123456789abcdefffffffffffffffff")
        #expect(Hexadecimal.word("0123456789abcdef".utf8) == 0x0123_4567_89AB_CDEF)
        for text in ["", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF", "+123456789abcdef"] {
            #expect(Hexadecimal.word(text.utf8) == nil)
        }
        #expect((0...255).filter { Hexadecimal.isDigit(UInt8($0)) } == "0123456789abcdef".utf8.map { Int($0) })
    }

    @Test("An id is known by its digits, and no two are alike")
    func ids() {
        let id = SessionID(high: 0xA, low: 1)
        #expect(id.text == "000000000000000a0000000000000001")
        #expect(SessionID(id.text) == id)
        #expect(SessionID("x\(id.text)".dropFirst()) == id)
        for text in ["", "000000000000000A0000000000000001", id.text + "0", String(id.text.dropLast())] {
            #expect(SessionID(text) == nil)
        }
        #expect(Set((0..<1000).map { _ in SessionID.random() }).count == 1000)
    }

    @Test("A descriptor is closed when nobody has it any more")
    func closing() {
        let pair = sockets()
        var byte: UInt8 = 0
        do {
            let near = Descriptor(owning: pair.near)
            #expect(near.raw == pair.near)
            #expect(recv(pair.far, &byte, 1, Int32(MSG_DONTWAIT)) == -1)
            _ = consume near
        }
        #expect(recv(pair.far, &byte, 1, Int32(MSG_DONTWAIT)) == 0)
        close(pair.far)
    }

    @Test("A file's lock is held by one descriptor, until that is closed")
    func locking() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "lock-\(SessionID.random().text)").path
        defer { unlink(path) }
        func open() -> Descriptor { Descriptor(owning: Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)) }
        var second = open()
        do {
            var first = open()
            #expect(first.tryLock() == 0)
            #expect(second.tryLock() == EWOULDBLOCK)
        }
        #expect(second.tryLock() == 0)
        var none = Descriptor(owning: -1)
        #expect(none.tryLock() == EBADF)
    }

    @Test("A number of a failed call is said in the system's words")
    func errors() {
        #expect(PluginError.text(ofErrno: ENOSPC) == "No space left on device")
        #expect(PluginError.text(ofErrno: 0) == "Success")
    }
}
