import ArgumentParser
import Glibc

/// The options that every command takes, before or after its name.
struct GlobalOptions: ParsableArguments {
    @Option(
        name: [.long, .customShort("a")],
        help: ArgumentHelp(
            "The daemon: HOST:PORT or unix:///PATH. (env: STELLAR_ADDR, default: \(DaemonEndpoint.defaultAddress))",
            valueName: "address"
        )
    )
    var addr: String?

    @Option(
        name: [.long, .customShort("c")],
        help: ArgumentHelp(
            "PEM file. Alone: the certificates that the daemon's is verified with. With --key: the client's own.",
            valueName: "file"
        ),
        completion: .file()
    )
    var cert: String?

    @Option(
        name: [.long, .customShort("k")],
        help: ArgumentHelp("PEM file: the key of --cert.", valueName: "file"),
        completion: .file()
    )
    var key: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "PEM file: the certificates that the daemon's is verified with, instead of the system's.",
            valueName: "file"
        ),
        completion: .file()
    )
    var ca: String?

    @Flag(name: .long, help: "Use TLS but accept any certificate. For debugging alone.")
    var skipVerify = false

    @Option(name: [.long, .customShort("o")], help: ArgumentHelp("table or json.", valueName: "format"))
    var output: OutputFormat = .table

    @Flag(name: [.long, .customShort("D")], help: "Log what the connection does, on stderr.")
    var debug = false

    /// The daemon to talk to.
    ///
    /// - Throws: `Failure` where the options contradict each other or the address is none.
    func endpoint() throws -> DaemonEndpoint {
        let environment = getenv("STELLAR_ADDR").map { String(cString: $0) } ?? ""
        return try DaemonEndpoint(
            address: addr ?? (environment.isEmpty ? DaemonEndpoint.defaultAddress : environment),
            cert: cert,
            key: key,
            ca: ca,
            skipVerify: skipVerify
        )
    }
}

/// How results are printed.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case table
    case json
}
