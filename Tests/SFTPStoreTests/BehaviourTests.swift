import PluginTestKit
import StoreUnderTest
import Testing

@Suite("SFTPStore: what every store promises")
struct BehaviourTests {
    private static let kinds = [
        StoreKind(
            "SFTPStore",
            [
                .folders, .readersKeepTheirVersion, .tagsNameVersions, .closingSyncs, .rewindsAnywhere, .sessionsRace,
                .endsWithItsProcess, .ordered,
            ], unit: 128 << 10, pace: 40,
            names: [
                .replacing: "allow_overwrite", .location: "root_path", .fileMode: "file_mode",
                .directoryMode: "dir_mode",
            ]
        ) { try Fixture($0) }
    ]

    @Test(arguments: Behaviour.objects.on(kinds)) func objects(_ test: StoreTest) throws { try test() }
    @Test(arguments: Behaviour.sessions.on(kinds)) func sessions(_ test: StoreTest) throws { try test() }
    @Test(arguments: Behaviour.copies.on(kinds)) func copies(_ test: StoreTest) throws { try test() }
    @Test(arguments: Behaviour.lists.on(kinds)) func lists(_ test: StoreTest) throws { try test() }
    @Test(arguments: Behaviour.folders.on(kinds)) func folders(_ test: StoreTest) throws { try test() }
    @Test(arguments: Behaviour.confinement.on(kinds)) func confinement(_ test: StoreTest) throws { try test() }
    @Test(arguments: Behaviour.crashes.on(kinds)) func crashes(_ test: StoreTest) throws { try test() }
    @Test(arguments: Behaviour.races.on(kinds)) func races(_ test: StoreTest) throws { try test() }

    @Test(
        .enabled(if: SmallDisk.isAllowed, "needs root to mount a small tmpfs"),
        arguments: Behaviour.smallDisks.on(kinds))
    func smallDisks(_ test: StoreTest) throws { try test() }
}
