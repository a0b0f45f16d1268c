import PluginTestKit
import StoreUnderTest
import Testing

@Suite("LocalStore: what every store promises")
struct BehaviourTests {
    private static let kinds = [
        kind("LocalStore"), kind("LocalStore that walks along paths itself", ["path_resolution": "walk"]),
    ]

    private static func kind(_ name: String, _ more: [String: String] = [:]) -> StoreKind {
        StoreKind(
            name,
            [
                .folders, .readersKeepTheirVersion, .tagsNameVersions, .closingSyncs, .writesAreDurable,
                .rewindsAnywhere, .sessionsRace, .endsWithItsProcess, .movesAtomically, .ordered,
            ], unit: 64 << 10,
            names: [
                .replacing: "allow_overwrite", .location: "location", .fileMode: "file_permissions_mode",
                .directoryMode: "directory_permissions_mode",
            ]
        ) { try Fixture(more.merging($0) { _, given in given }) }
    }

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
