// swift-tools-version: 6.2

import PackageDescription

// A program of your own would name the repository's URL here instead of a path.
let package = Package(
    name: "Embedding",
    dependencies: [.package(name: "stellar", path: "../..")],
    targets: [
        .executableTarget(
            name: "Embedding",
            dependencies: [.product(name: "StellarCore", package: "stellar")],
            swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]
        )
    ]
)
