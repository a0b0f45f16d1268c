// swift-tools-version: 6.2
import PackageDescription

let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHPACK: Target.Dependency = .product(name: "NIOHPACK", package: "swift-nio-http2")
let nioHTTP2: Target.Dependency = .product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let jwtKit: Target.Dependency = .product(name: "JWTKit", package: "jwt-kit")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

/// The fuzz targets, apart from the package of the host: `make fuzz` compiles everything here, and the modules that it
/// reaches through links into Sources, with libFuzzer's instrumentation. S3XML, SFTPPackets, RemoteNames, ContentCodings
/// and ProxyHeaders are single files of modules that have no public door to them, each with a door beside it.
let package = Package(
    name: "fphost-fuzz",
    dependencies: [
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/vapor/jwt-kit.git", from: "5.7.1"),
    ],
    targets: [
        .systemLibrary(name: "CFuzzer", path: "CFuzzer"),
        .systemLibrary(name: "CYaml", path: "CYaml", pkgConfig: "yaml-0.1"),
        .systemLibrary(name: "CCurl", path: "CCurl", pkgConfig: "libcurl"),
        .systemLibrary(name: "CZlib", path: "CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "CSQLite", path: "CSQLite", pkgConfig: "sqlite3"),
        .systemLibrary(name: "COpenSSL", path: "COpenSSL", pkgConfig: "libcrypto"),
        .target(name: "CChecksums", path: "CChecksums"),
        .target(name: "CDigests", path: "CDigests"),
        .target(name: "FPFormats", path: "FPFormats"),
        .target(name: "FPThreads", path: "FPThreads"),
        .target(name: "FPContext", dependencies: [logging], path: "FPContext"),
        .target(name: "FPMultipart", dependencies: ["FPFormats", nioCore], path: "FPMultipart"),
        .target(
            name: "FPHTTP",
            dependencies: [
                "FPContext", "FPFormats", "FPThreads", httpTypes, nioCore, nioPosix, nioHTTP1, nioHPACK, nioHTTP2,
                nioTLS, nioSSL, logging,
            ], path: "FPHTTP"),
        .target(name: "FPConfig", dependencies: ["CYaml", "FPFormats"], path: "FPConfig"),
        .target(name: "S3Signature", dependencies: ["COpenSSL", "FPFormats"], path: "S3Signature"),
        .target(name: "S3XML", path: "S3XML"),
        .target(name: "FPPluginAPI", path: "FPPluginAPI"),
        .target(name: "FPPluginKit", dependencies: ["FPPluginAPI", "FPThreads"], path: "FPPluginKit"),
        .target(name: "SFTPPackets", dependencies: ["FPPluginKit"], path: "SFTPPackets"),
        .target(name: "FPCurl", dependencies: ["CCurl", "FPThreads"], path: "FPCurl"),
        .target(name: "RemoteNames", dependencies: ["FPCurl", "FPFormats"], path: "RemoteNames"),
        .target(name: "ContentCodings", dependencies: ["FPCurl"], path: "ContentCodings"),
        .target(name: "ProxyHeaders", dependencies: ["FPFormats", nioCore], path: "ProxyHeaders"),
        .target(
            name: "FPJWT",
            dependencies: ["FPCurl", "FPFormats", "FPHTTP", "FPThreads", httpTypes, crypto, jwtKit, logging],
            path: "FPJWT"),
        .target(name: "CChecksums", path: "CChecksums"),
        .target(name: "CFPStorage", path: "CFPStorage"),
        .target(
            name: "FPStorage",
            dependencies: [
                "CFPStorage", "FPContext", "FPFormats", "FPPluginAPI", "FPThreads", nioCore, logging, crypto,
            ], path: "FPStorage"),
        .target(
            name: "FPCatalog", dependencies: ["CSQLite", "FPFormats", "FPThreads", logging], path: "FPCatalog"),
        .target(
            name: "FPUploads",
            dependencies: ["CChecksums", "CDigests", "FPCatalog", "FPFormats", "FPStorage", nioCore, logging, crypto],
            path: "FPUploads"),
        .target(
            name: "FPUploadsHTTP", dependencies: ["FPFormats", "FPHTTP", "FPUploads", httpTypes, nioCore],
            path: "FPUploadsHTTP"),
        .target(name: "FPFetch", dependencies: ["FPCurl", "FPFormats", nioCore, logging], path: "FPFetch"),
        .target(
            name: "FPFilePond",
            dependencies: [
                "FPFetch", "FPFormats", "FPHTTP", "FPMultipart", "FPUploads", "FPUploadsHTTP", httpTypes, nioCore,
            ], path: "FPFilePond"),
        .target(
            name: "FPPolicy",
            dependencies: ["FPFilePond", "FPFormats", "FPHTTP", "FPUploads", "FPUploadsHTTP", httpTypes, crypto],
            path: "FPPolicy"),
        .executableTarget(
            name: "Fuzz",
            dependencies: [
                "CFuzzer", "CZlib", "ContentCodings", "FPConfig", "FPFormats", "FPHTTP", "FPJWT", "FPMultipart",
                "FPPolicy", "ProxyHeaders", "RemoteNames", "S3Signature", "S3XML", "SFTPPackets", httpTypes, nioCore,
                nioPosix, nioSSL,
                crypto, logging,
            ], path: "Fuzz"),
    ],
    swiftLanguageModes: [.v6]
)
