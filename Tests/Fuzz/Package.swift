// swift-tools-version: 6.2
import PackageDescription

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")

/// The fuzz targets, apart from the package of the host: `make fuzz` compiles everything here, and the parsers that it
/// reaches through links into Sources, with libFuzzer's instrumentation.
let package = Package(
    name: "fphost-fuzz",
    dependencies: [.package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2")],
    targets: [
        .systemLibrary(name: "CFuzzer", path: "CFuzzer"),
        .target(name: "FPFormats", path: "FPFormats"),
        .target(name: "FPMultipart", dependencies: ["FPFormats", nioCore], path: "FPMultipart"),
        .executableTarget(name: "MultipartFuzz", dependencies: ["CFuzzer", "FPMultipart", nioCore], path: "Multipart"),
    ],
    swiftLanguageModes: [.v6]
)
