import Support
import Testing

@Suite struct DescriptorTests {
    @Test("A program that the host executes during a fetch inherits nothing of it")
    func duringFetch() async {
        // In a process of its own: other tests have descriptors too.
        await #expect(processExitsWith: .success) {
            let server = RawServer { connection in
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhello")
                _ = connection.isClosed()
            }
            let inherited = try descriptorsOfChild()
            let before = openDescriptors()
            let fetcher = try makeFetcher()
            let response = try await fetcher.open(server.url())
            // The connection's two ends, and what wakes the fetcher's thread.
            #expect(openDescriptors() >= before + 3)
            #expect(try descriptorsOfChild() == inherited)
            withExtendedLifetime(response) {}
        }
    }
}
