// swift-tools-version: 6.2
import PackageDescription

/// What is released carries its own Swift runtime. The machine that it runs on needs no toolchain, and a plugin built
/// with another Swift than the host's or another plugin's meets neither of their runtimes. Modules compiled for the
/// dynamic runtime do not name what Foundation consists of in the static one. Calls out of it are bound when it is
/// loaded, so that the table of their addresses is read-only from then on.
let released: LinkerSetting = .unsafeFlags(
    [
        "-Xlinker", "-z", "-Xlinker", "now", "-static-stdlib", "-lCoreFoundation", "-lFoundationInternationalization",
        "-lFoundationEssentials", "-l_FoundationCollections", "-l_FoundationCShims", "-l_FoundationICU",
    ], .when(configuration: .release))

/// What a plugin exports. Not under a sanitizer: the tests are linked with a plugin's settings, and the sanitizer's own
/// functions are to take the place of the C library's, by their names.
let exports: [LinkerSetting] =
    Context.environment["FPHOST_SANITIZED"] == nil
    ? [
        .unsafeFlags([
            "-use-ld=lld", "-Xlinker", "--version-script=\(Context.packageDirectory)/Plugins/plugin.map",
        ])
    ] : []

/// For C that sees every byte of every upload: tests of a debug build would wait for it.
let optimised: CSetting = .unsafeFlags(["-O2"])

/// A storage plugin: a dynamic library on FPPluginKit that exports the entry point and nothing else. lld, because gold
/// keeps some local symbols in the dynamic symbol table.
func plugin(_ name: String, links: [Target.Dependency] = []) -> Target {
    .target(
        name: name,
        dependencies: ["FPPluginAPI", "FPPluginKit"] + links,
        path: "Plugins/\(name)",
        linkerSettings: exports + [released]
    )
}

let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let nioHTTP2: Target.Dependency = .product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioHPACK: Target.Dependency = .product(name: "NIOHPACK", package: "swift-nio-http2")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let jwtKit: Target.Dependency = .product(name: "JWTKit", package: "jwt-kit")

let package = Package(
    name: "fphost",
    products: [
        .executable(name: "fphost", targets: ["fphost"]),
        .library(name: "FPPluginKit", targets: ["FPPluginKit"]),
        .library(name: "LocalStore", type: .dynamic, targets: ["LocalStore"]),
        .library(name: "S3Store", type: .dynamic, targets: ["S3Store"]),
        .library(name: "SFTPStore", type: .dynamic, targets: ["SFTPStore"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
        .package(url: "https://github.com/vapor/jwt-kit.git", from: "5.7.1"),
    ],
    targets: [
        .systemLibrary(name: "CYaml", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CCrypt", pkgConfig: "libcrypt", providers: [.apt(["libcrypt-dev"])]),
        .systemLibrary(name: "CSSH", pkgConfig: "libssh", providers: [.apt(["libssh-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "FPThreads"),
        .target(name: "FPCurl", dependencies: ["CCurl", "FPThreads"]),
        .target(name: "FPPluginAPI"),
        .target(name: "FPPluginKit", dependencies: ["FPPluginAPI", "FPThreads"]),
        .target(name: "CLinux"),
        plugin("LocalStore", links: ["CLinux"]),
        .target(name: "CChecksums", cSettings: [optimised]),
        .target(name: "CDigests", cSettings: [optimised]),
        .target(name: "S3Signature", dependencies: ["COpenSSL", "FPFormats"]),
        plugin("S3Store", links: ["CChecksums", "CLinux", "COpenSSL", "FPCurl", "FPFormats", "S3Signature"]),
        plugin("SFTPStore", links: ["CSSH"]),

        .target(name: "FPFormats"),
        .target(name: "FPContext", dependencies: [logging]),
        .target(name: "FPConfig", dependencies: ["CYaml", "FPFormats"]),
        .target(name: "CFPStorage"),
        .target(
            name: "FPStorage",
            dependencies: [
                "CFPStorage", "FPContext", "FPFormats", "FPPluginAPI", "FPThreads", nioCore, logging, crypto,
            ]),
        .target(name: "FPContractDriver", dependencies: ["FPPluginAPI"]),
        .target(name: "FPConformance", dependencies: ["FPContractDriver", "FPPluginAPI", crypto]),
        .target(name: "FPCatalog", dependencies: ["CSQLite", "FPFormats", "FPThreads", logging]),
        .target(
            name: "FPUploads",
            dependencies: ["CChecksums", "CDigests", "FPCatalog", "FPFormats", "FPStorage", nioCore, logging, crypto]),
        .target(
            name: "FPForwardAuth", dependencies: ["FPCurl", "FPFormats", "FPHTTP", httpTypes, crypto, logging]),
        .target(
            name: "FPJWT",
            dependencies: ["FPCurl", "FPFormats", "FPHTTP", "FPThreads", httpTypes, crypto, jwtKit, logging]),
        .target(
            name: "FPAccess",
            dependencies: ["CCrypt", "FPFormats", "FPHTTP", "FPThreads", httpTypes, logging, crypto]),
        .target(
            name: "FPPolicy",
            dependencies: ["FPFilePond", "FPFormats", "FPHTTP", "FPUploads", "FPUploadsHTTP", httpTypes, crypto]),
        .target(name: "FPFetch", dependencies: ["FPCurl", "FPFormats", nioCore, logging]),
        .target(
            name: "FPEvents", dependencies: ["FPCatalog", "FPCurl", "FPFetch", "FPFormats", crypto, logging]),
        .target(name: "FPMultipart", dependencies: ["FPFormats", nioCore]),
        .target(
            name: "FPHTTP",
            dependencies: [
                "FPContext", "FPFormats", "FPThreads", httpTypes, nioCore, nioPosix, nioHTTP1, nioHPACK, nioHTTP2,
                nioTLS, nioSSL,
                logging,
            ]),
        .target(name: "FPUploadsHTTP", dependencies: ["FPFormats", "FPHTTP", "FPUploads", httpTypes, nioCore]),
        .target(
            name: "FPFilePond",
            dependencies: [
                "FPFetch", "FPFormats", "FPHTTP", "FPMultipart", "FPUploads", "FPUploadsHTTP", httpTypes, nioCore,
            ]),
        .target(
            name: "FPAPI", dependencies: ["FPFormats", "FPHTTP", "FPUploads", "FPUploadsHTTP", httpTypes, nioCore]),
        .target(name: "CDescription", exclude: ["openapi.json"]),
        .target(
            name: "FPPages",
            dependencies: ["CDescription", "FPAPI", "FPFormats", "FPHTTP", "FPUploads", httpTypes, nioCore, nioPosix]),
        .target(
            name: "FPServer",
            dependencies: [
                "FPAPI", "FPAccess", "FPFetch", "FPFilePond", "FPFormats", "FPHTTP", "FPPages", "FPUploads", nioCore,
                logging,
            ]
        ),
        .executableTarget(
            name: "fphost",
            dependencies: [
                "CLinux", "FPAccess", "FPCatalog", "FPConfig", "FPConformance", "FPContext", "FPCurl", "FPEvents",
                "FPFetch",
                "FPFormats", "FPForwardAuth", "FPHTTP", "FPJWT",
                "FPContractDriver", "FPPolicy", "FPServer", "FPStorage", "FPThreads", "FPUploads",
                httpTypes, nioCore, logging, .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            linkerSettings: [
                // lld has no opinion on what Foundation calls; a plugin is to find nothing of the host's by its name.
                released,
                .unsafeFlags(["-use-ld=lld", "-Xlinker", "--no-export-dynamic"], .when(configuration: .release)),
            ]
        ),

        .target(name: "Support", dependencies: ["FPThreads"], path: "Tests/Support"),
        .target(
            name: "PluginTestKit", dependencies: ["FPContractDriver", "FPPluginAPI", "FPThreads"],
            path: "Tests/PluginTestKit"),
        .target(name: "StoreUnderTest", dependencies: ["FPPluginAPI", "PluginTestKit"], path: "Tests/StoreUnderTest"),
        .target(name: "CDenial", path: "Tests/CDenial"),
        .executableTarget(
            name: "store-driver", dependencies: ["CDenial", "FPContractDriver", "FPPluginAPI"],
            path: "Tests/StoreDriver"),
        .testTarget(name: "FPPluginKitTests", dependencies: ["FPContractDriver", "FPPluginKit", "PluginTestKit"]),
        .testTarget(
            name: "LocalStoreTests", dependencies: ["LocalStore", "PluginTestKit", "StoreUnderTest", "store-driver"]),
        .testTarget(
            name: "S3StoreTests",
            dependencies: ["FPFormats", "S3Signature", "PluginTestKit", "StoreUnderTest", "Support", "store-driver"],
            exclude: ["Vectors"]),
        .testTarget(
            name: "SFTPStoreTests", dependencies: ["PluginTestKit", "StoreUnderTest", "store-driver"],
            exclude: ["overrides-lsh", "overrides-openssh", "overrides-proftpd", "overrides-rclone"]),
        .testTarget(name: "CChecksumsTests", dependencies: ["CChecksums", "Support"]),
        .testTarget(name: "CDigestsTests", dependencies: ["CDigests", "Support", crypto]),
        .testTarget(name: "FPFormatsTests", dependencies: ["FPFormats", "Support"]),
        .testTarget(name: "FPConfigTests", dependencies: ["FPConfig", "FPFormats"]),
        .testTarget(
            name: "FPStorageTests",
            dependencies: ["FPContext", "FPStorage", "FPThreads", "Support", nioCore, logging, crypto]),
        .testTarget(
            name: "FPConformanceTests",
            dependencies: ["FPConformance", "FPContractDriver", "LocalStore", "Support", "fphost"]),
        .testTarget(name: "FPCatalogTests", dependencies: ["CSQLite", "FPCatalog", "FPFormats", logging]),
        .testTarget(
            name: "FPUploadsTests",
            dependencies: [
                "CChecksums", "FPCatalog", "FPFormats", "FPStorage", "FPUploads", "LocalStore", "Support", nioCore,
                logging,
                crypto,
            ]),
        .testTarget(name: "FPPolicyTests", dependencies: ["FPFormats", "FPPolicy", "Support", crypto]),
        .testTarget(name: "FPAccessTests", dependencies: ["FPAccess", "FPThreads", "Support", logging, crypto]),
        .testTarget(
            name: "FPJWTTests",
            dependencies: ["FPFormats", "FPHTTP", "FPJWT", "Support", crypto, httpTypes, jwtKit, logging],
            exclude: ["Vectors"]),
        .testTarget(name: "FPCurlTests", dependencies: ["FPCurl", "Support"]),
        .testTarget(
            name: "FPFetchTests", dependencies: ["FPCurl", "FPFetch", "FPFormats", "Support", nioCore, logging]),
        .testTarget(
            name: "FPEventsTests",
            dependencies: ["FPCatalog", "FPEvents", "FPFetch", "FPFormats", "Support", crypto, logging]),
        .testTarget(name: "FPMultipartTests", dependencies: ["FPMultipart", "Support", nioCore]),
        .testTarget(
            name: "FPHTTPTests",
            dependencies: [
                "FPContext", "FPFormats", "FPHTTP", "Support", httpTypes, nioCore, nioHPACK, nioPosix, nioSSL, logging,
            ]),
        .testTarget(
            name: "FPFilePondTests",
            dependencies: ["FPFilePond", "FPHTTP", "FPMultipart", "Support", nioCore, httpTypes]),
        .testTarget(
            name: "FPServerTests",
            dependencies: [
                "FPAPI", "FPAccess", "FPCatalog", "FPFetch", "FPFilePond", "FPFormats", "FPForwardAuth", "FPHTTP",
                "FPJWT",
                "FPPolicy", "FPServer", "FPStorage", "FPUploads", "LocalStore", "Support", httpTypes, jwtKit, nioCore,
                logging, crypto,
            ]),
        .testTarget(name: "AcceptanceTests", dependencies: ["LocalStore", "PluginTestKit", "Support", "fphost"]),
    ],
    swiftLanguageModes: [.v6]
)
