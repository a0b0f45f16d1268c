// swift-tools-version: 6.2
import PackageDescription

/// FPPluginKit as it is installed, for plugins that are packages of their own.
let package = Package(
    name: "FPPluginKit",
    products: [.library(name: "FPPluginKit", targets: ["FPPluginKit"])],
    targets: [
        .target(name: "FPPluginAPI"),
        .target(name: "FPPluginKit", dependencies: ["FPPluginAPI", "FPThreads"]),
        .target(name: "FPThreads"),
    ],
    swiftLanguageModes: [.v6]
)
