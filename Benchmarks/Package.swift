// swift-tools-version: 6.2

import PackageDescription

// Programs that the benchmark scripts measure. They use only the public API of the libraries.
let package = Package(
    name: "stellar-benchmarks",
    dependencies: [
        .package(name: "stellar", path: ".."),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    ],
    targets: [
        .executableTarget(
            name: "rpc-bench",
            dependencies: [
                .product(name: "StellarRPC", package: "stellar"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]
        )
    ]
)
