// swift-tools-version: 6.2

import PackageDescription

// One list of settings for every Swift target: language mode 6, imports that say who may see them, no warnings.
let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

// Packages that would pull full Foundation (46 MB of ICU) into the binary have those traits switched off.
let dependencies: [Package.Dependency] = [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
// Only the deque: the whole of swift-collections would be half a megabyte in every binary.
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
]

/// A C library of the distribution, found through pkg-config.
func system(_ name: String, _ pkgConfig: String, apt: String) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([apt])])
}

func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func executable(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: swiftSettings)
}

let package = Package(
    name: "stellar",
    products: [
        .executable(name: "stellar", targets: ["stellar"]),
        .executable(name: "sctl", targets: ["sctl"]),
        .executable(name: "stellar-cni-ipam", targets: ["stellar-cni-ipam"]),
        .executable(name: "gossip-node", targets: ["gossip-node"]),
        .library(name: "StellarCore", targets: ["StellarCore"]),
        .library(name: "StellarAPI", targets: ["StellarAPI"]),
        .library(name: "StellarGossip", targets: ["StellarGossip"]),
        .library(name: "StellarNet", targets: ["StellarNet"]),
        .library(name: "StellarRPC", targets: ["StellarRPC"]),
        .library(name: "StellarRuntime", targets: ["StellarRuntime"]),
        // For the fuzz package: there is nothing in it that others see.
        .library(name: "StellarStore", targets: ["StellarStore"]),
    ],
    dependencies: dependencies,
    targets: [
        // Executables: parse, wire, render.
        executable("stellar", ["StellarAPI", "StellarDaemon", "StellarCore", argumentParser, logging]),
        executable(
            "sctl",
            ["StellarAPI", "StellarCore", "StellarRPC", "StellarRPCProtobuf", argumentParser, logging, protobuf] + nio
        ),
        executable(
            "stellar-cni-ipam",
            ["StellarAPI", "StellarCore", "StellarRPC", "StellarRPCProtobuf", "StellarNet", logging, protobuf] + nio
        ),
        // A bare node, for tests and measurements.
        executable("gossip-sim", ["StellarGossip", "StellarStore", "StellarTestKit", argumentParser]),
        executable("gossip-node", ["StellarGossip", logging] + nio),
        // The hosts of the tests, left up for people.
        executable("stellar-lab", ["StellarTestKit", argumentParser]),

        // The daemon joins the three engines below, which never import each other.
        library(
            "StellarDaemon",
            [
                "COpenSSL", "StellarAPI", "StellarCore", "StellarGossip", "StellarNet", "StellarRPC",
                "StellarRPCProtobuf", "StellarRuntime", "StellarStorage", "StellarStore", "StellarSystem", lifecycle,
                logging, protobuf, signals,
            ] + nio
        ),
        library(
            "StellarRuntime",
            [
                "CCurl", "COpenSSL", "CSeccomp", "CStellarLinux", "StellarCore", "StellarRPC", "StellarRPCProtobuf",
                "StellarSystem", logging, protobuf,
            ] + nio
        ),
        library("StellarNet", ["CStellarLinux", "StellarCore", "StellarSystem", logging] + nio),
        library("StellarGossip", ["COpenSSL", "StellarSystem", deque, logging] + nio),
        // The replicated store, which is given its transport.
        library("StellarStore", ["StellarStorage", "StellarSystem", logging]),

        // What they stand on.
        library("StellarAPI", ["StellarCore", "StellarRPC", "StellarRPCProtobuf", protobuf] + nio),
        library("StellarRPCProtobuf", ["StellarRPC", protobuf] + nio),
        library("StellarRPC", ["CNghttp2", "COpenSSL", deque, logging] + nio),
        library("StellarStorage", ["CSQLite"]),
        library("StellarSystem", ["CStellarLinux", subprocess]),
        library("StellarCore"),

        // C: libraries of the distribution, and the few system calls that Swift cannot make.
        system("CNghttp2", "libnghttp2", apt: "libnghttp2-dev"),
        system("COpenSSL", "openssl", apt: "libssl-dev"),
        system("CSeccomp", "libseccomp", apt: "libseccomp-dev"),
        system("CSQLite", "sqlite3", apt: "libsqlite3-dev"),
        .target(name: "CCurl", cSettings: [.define("_GNU_SOURCE")]),
        .target(name: "CStellarLinux", cSettings: [.define("_GNU_SOURCE")]),

        // Fixtures: real containerd, registry, images and network namespaces for the tests; the simulated cluster.
        library(
            "StellarTestKit",
            [
                "CStellarLinux", "StellarCore", "StellarGossip", "StellarStorage", "StellarStore", "StellarSystem",
                logging, subprocess,
            ]
        ),

        tests("StellarCoreTests", ["StellarCore", "StellarTestKit"]),
        tests(
            "StellarRPCTests",
            [
                "StellarAPI", "StellarRPC", "StellarRPCProtobuf", "StellarTestKit", "CNghttp2", "COpenSSL", logging,
                protobuf,
            ]
                + [.product(name: "NIOEmbedded", package: "swift-nio")] + nio,
            exclude: ["Interop/client.py", "Interop/server.py"]
        ),
        tests("StellarAPITests", ["StellarAPI", protobuf]),
        tests(
            "StellarRuntimeTests",
            ["StellarRuntime", "StellarTestKit", "StellarRPC", "StellarSystem", "CStellarLinux", logging, protobuf]
                + nio
        ),
        tests(
            "StellarNetTests",
            [
                "StellarNet", "StellarTestKit", "StellarCore", "CStellarLinux", "StellarAPI", "StellarRPC",
                "StellarRPCProtobuf", "stellar-cni-ipam", logging, protobuf, subprocess,
            ] + nio
        ),
        tests("StellarGossipTests", ["StellarGossip", "StellarTestKit", "gossip-node", logging] + nio),
        tests(
            "GossipPeerTests",
            ["StellarGossip", "StellarSystem", "StellarTestKit", "gossip-node"],
            exclude: ["peer"]
        ),
        tests("StellarStorageTests", ["StellarStorage"]),
        tests("StellarStoreTests", ["StellarStorage", "StellarStore", "StellarSystem", "StellarTestKit"]),
        tests(
            "SimulationTests",
            [
                "StellarAPI", "StellarCore", "StellarDaemon", "StellarGossip", "StellarRPC", "StellarStorage",
                "StellarStore", "StellarSystem", "StellarTestKit", "gossip-sim", logging,
            ]
        ),
        tests("StellarSystemTests", ["StellarSystem", "StellarTestKit"]),
        tests(
            "StellarDaemonTests",
            [
                "StellarDaemon", "StellarTestKit", "StellarStorage", "StellarStore", "StellarAPI", "StellarCore",
                "StellarGossip", "StellarNet", "StellarRPC", "StellarRPCProtobuf", "StellarSystem", logging, protobuf,
            ]
        ),
        tests(
            "SctlTests",
            [
                "sctl", "StellarAPI", "StellarCore", "StellarRPC", "StellarRPCProtobuf", "StellarTestKit",
                argumentParser, protobuf,
            ]
        ),
        // The programs too, so that what the tests start is what was built with them.
        tests(
            "IntegrationTests",
            [
                "StellarAPI", "StellarCore", "StellarRPC", "StellarRPCProtobuf", "StellarTestKit", "stellar", "sctl",
                "stellar-cni-ipam", "stellar-lab", protobuf, subprocess,
            ] + nio
        ),
    ]
)
