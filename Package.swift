// swift-tools-version: 6.2
import PackageDescription

/// A storage plugin: a dynamic library on FPPluginKit that exports the entry point and nothing else.
func plugin(_ name: String, links: [Target.Dependency] = []) -> Target {
    .target(
        name: name,
        dependencies: ["FPPluginKit"] + links,
        path: "Plugins/\(name)",
        linkerSettings: [.unsafeFlags(["-Xlinker", "--version-script=Plugins/plugin.map"])]
    )
}

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

let package = Package(
    name: "fphost",
    products: [
        .executable(name: "fphost", targets: ["fphost"]),
        .library(name: "FPPluginKit", targets: ["FPPluginKit"]),
        .library(name: "LocalStore", type: .dynamic, targets: ["LocalStore"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
    ],
    targets: [
        .systemLibrary(name: "CYaml", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .target(name: "FPPluginAPI"),
        .target(name: "FPPluginKit", dependencies: ["FPPluginAPI"]),
        plugin("LocalStore"),

        .target(name: "FPConfig", dependencies: ["CYaml"]),
        .target(name: "FPStorage", dependencies: ["FPPluginAPI", nioCore, logging]),
        .target(
            name: "FPCatalog",
            dependencies: [.product(name: "GRDB", package: "GRDB.swift"), logging]
        ),
        .target(name: "FPUploads", dependencies: ["FPCatalog", "FPStorage", nioCore, logging]),
        .target(name: "FPAccess", dependencies: [.product(name: "Crypto", package: "swift-crypto")]),
        .target(name: "FPFetch", dependencies: ["CCurl", nioCore, logging]),
        .target(
            name: "FPServer",
            dependencies: [
                "FPAccess", "FPFetch", "FPUploads", nioCore, logging,
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]
        ),
        .executableTarget(
            name: "fphost",
            dependencies: [
                "CCurl", "FPConfig", "FPServer", "FPStorage",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]
        ),
    ],
    swiftLanguageModes: [.v6]
)
