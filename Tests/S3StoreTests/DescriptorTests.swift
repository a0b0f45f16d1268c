import PluginTestKit
import Support
import Testing

extension S3StoreTests {
    @Suite("descriptors")
    struct Descriptors {
        @Test("A program that the host executes during a transfer inherits nothing of it")
        func duringTransfer() async {
            // In a process of its own: other tests have descriptors too.
            await #expect(processExitsWith: .success) {
                let service = Listener { socket in
                    _ = HTTPStream(socket).head()
                    socket.send("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 1000000\r\n\r\nhello".utf8)
                    while !socket.receive().isEmpty {}
                }
                let options = Fixture.options("http://127.0.0.1:\(service.port)", "t")
                let store = try TestStore(s3Store, options)
                let inherited = try descriptorsOfChild()
                let before = openDescriptors()
                let reader = try store.open("k")
                // The connection's two ends, and what wakes the plugin's thread.
                #expect(openDescriptors() >= before + 3)
                #expect(try descriptorsOfChild() == inherited)
                withExtendedLifetime(reader) {}
            }
        }
    }
}
