// swift-tools-version: 6.2

import PackageDescription

// One libFuzzer program with a target for each decoder. run.sh builds it with
// `swift build --package-path Fuzz -Xswiftc -sanitize=fuzzer`, which instruments the libraries' code for coverage, too.
let package = Package(
    name: "stellar-fuzz",
    dependencies: [
        .package(name: "stellar", path: ".."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    ],
    targets: [
        .target(name: "CFuzzer"),
        .executableTarget(
            name: "StellarFuzz",
            dependencies: [
                "CFuzzer",
                .product(name: "StellarCore", package: "stellar"),
                .product(name: "StellarGossip", package: "stellar"),
                .product(name: "StellarNet", package: "stellar"),
                .product(name: "StellarRPC", package: "stellar"),
                .product(name: "StellarRuntime", package: "stellar"),
                .product(name: "StellarStore", package: "stellar"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .unsafeFlags(["-parse-as-library"]),
            ]
        ),
    ]
)
