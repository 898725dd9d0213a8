// swift-tools-version: 6.2

import PackageDescription

let stellar: [Target.Dependency] = [.product(name: "StellarCore", package: "stellar")]
let settings: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

// A program outside this repository has the repository's URL here instead of a path.
let package = Package(
    name: "Embedding",
    dependencies: [.package(name: "stellar", path: "../..")],
    targets: [
        .executableTarget(name: "Embedding", dependencies: stellar, swiftSettings: settings),
        .executableTarget(name: "AppInCode", dependencies: stellar, swiftSettings: settings),
    ]
)
