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
}

/// Wants nothing.
private final class Silent: EasyDelegate {
    func receive(head: ResponseHead) -> Bool { false }
    func receive(body: UnsafeRawBufferPointer) -> Intake { .unwanted }
}
