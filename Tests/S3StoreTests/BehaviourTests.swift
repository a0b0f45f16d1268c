import StoreUnderTest
import Testing

extension S3StoreTests {
    @Suite("what every store promises")
    struct Behaviours {
        // SeaweedFS looks at the condition of a CompleteMultipartUpload and then acts without a lock, finishes requests
        // whose clients are gone, and lists in an order of its own.
        private static let kinds = [
            StoreKind(
                "S3Store on SeaweedFS", [], unit: partSize, pace: 10,
                names: [.replacing: "file_overwrite"]
            ) { try Fixture($0) }
        ]

        @Test(arguments: Behaviour.objects.on(kinds)) func objects(_ test: StoreTest) throws { try test() }
        @Test(arguments: Behaviour.sessions.on(kinds)) func sessions(_ test: StoreTest) throws { try test() }
        @Test(arguments: Behaviour.copies.on(kinds)) func copies(_ test: StoreTest) throws { try test() }
        @Test(arguments: Behaviour.lists.on(kinds)) func lists(_ test: StoreTest) throws { try test() }
        @Test(arguments: Behaviour.crashes.on(kinds)) func crashes(_ test: StoreTest) throws { try test() }
        @Test(arguments: Behaviour.races.on(kinds)) func races(_ test: StoreTest) throws { try test() }
    }
}
