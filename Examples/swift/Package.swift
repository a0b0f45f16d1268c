// swift-tools-version: 6.2
import PackageDescription

// Where fphost installed the kit; `make` asks pkg-config.
let kit = Context.environment["FPPLUGINKIT"] ?? "/usr/share/fphost/FPPluginKit"

let package = Package(
    name: "DrawerStore",
    products: [.library(name: "DrawerStore", type: .dynamic, targets: ["DrawerStore"])],
    dependencies: [.package(path: kit)],
    targets: [
        .target(
            name: "DrawerStore", dependencies: [.product(name: "FPPluginKit", package: "FPPluginKit")],
            linkerSettings: [
                // The plugin brings its own Swift runtime, and shows the entry point and nothing else: so it meets
                // neither the host's runtime nor another plugin's. lld, because gold leaves other symbols visible.
                .unsafeFlags([
                    "-static-stdlib", "-use-ld=lld", "-Xlinker", "--version-script=\(kit)/plugin.map",
                ])
            ])
    ],
    swiftLanguageModes: [.v6]
)
