import Glibc
import Support
import Testing

@testable import FPCurl

@Suite struct DescriptorTests {
    @Test("A program that is executed during a name lookup inherits nothing of it, nor what wakes the handle")
    func lookup() async {
        // In a process of its own: other tests have descriptors too.
        await #expect(processExitsWith: .success) {
            let inherited = try descriptorsOfChild()
            let multi = try MultiHandle()
            let idle = openDescriptors()
            var lookups = 0
            // A lookup may be over before anybody looks.
            for number in 0..<1000 where lookups < 3 {
                let easy = try EasyHandle()
                let silent = Silent()
                try easy.prepare(EasyOptions(url: "http://name\(number).invalid/"), silent)
                try multi.add(easy)
                _ = try multi.perform()
                if openDescriptors() > idle { lookups += 1 }
                #expect(try descriptorsOfChild() == inherited)
                multi.remove(easy)
            }
            #expect(lookups == 3)
        }
    }

    @Test("The name of the last entry of a directory is read no further than it goes", arguments: ["7", "1023", "."])
    func lastEntry(name: String) throws {
        let page = sysconf(Int32(_SC_PAGESIZE))
        let memory = try #require(
            mmap(nil, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), "no memory")
        defer { munmap(memory, 2 * page) }
        // As readdir hands it out: shorter than the type says, and here with nothing behind it.
        try #require(mprotect(memory + page, page, PROT_NONE) == 0)
        let place = try #require(MemoryLayout<dirent>.offset(of: \.d_name))
        let length = (place + name.utf8.count + 1 + 7) & ~7
        let entry = memory + (page - length)
        (entry + place).copyMemory(from: name, byteCount: name.utf8.count + 1)
        #expect(OpenDescriptors.number(named: UnsafePointer(entry.assumingMemoryBound(to: dirent.self))) == CInt(name))
    }
}

/// Wants nothing.
private final class Silent: EasyDelegate {
    func receive(head: ResponseHead) -> Bool { false }
    func receive(body: UnsafeRawBufferPointer) -> Intake { .unwanted }
}
