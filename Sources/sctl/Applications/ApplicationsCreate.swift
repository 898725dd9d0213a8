import ArgumentParser
import StellarAPI
import StellarCore
import StellarRPC
import SwiftProtobuf

struct ApplicationsCreate: Verb {
    static let configuration = CommandConfiguration.verb(
        commandName: "create",
        abstract: "Deploy an app from its file; returns when all of it runs.",
        usage: "sctl [global options] applications create --file <path> [--dry-run] [--progress <form>]",
        discussion: """
            sctl checks the file first and reports all errors at once. Progress goes to stderr. If a replica does not run, \
            sctl prints the reason and the last lines of its output, and the exit code is \
            \(SctlExit.notRunning.rawValue). Replicas that wait for an unreachable node are named; that is no failure.
            """
    )

    @OptionGroup(title: "Global options") var globals: GlobalOptions
    @OptionGroup var progress: ProgressOption
    @OptionGroup var dry: DryRunOption
    @OptionGroup var waiting: WaitOption

    @Option(
        name: [.long, .customShort("f")],
        help: ArgumentHelp("The app file (JSON); - is stdin.", valueName: "path"),
        completion: .file(extensions: ["json", "conf"])
    )
    var file: String?

    func run() async throws {
        guard let file else { throw CleanExit.helpRequest(Self.self) }
        let app = try AppFileInput(path: file, console: console).app()
        let request = ApplicationCreateRequest(app)
        if dry.dryRun { return try await showPlan(.with { $0.create = request }) }
        try await follow(progress.progress) { client, report in
            do {
                try await client.application.create(request, progress: report)
            } catch let error as RPCError where error.code == .unimplemented {
                // An original daemon reports no progress.
                try await client.application.create(request)
            }
        }
        try await wait(waiting)
    }
}

/// Reads and checks an app file.
struct AppFileInput {
    /// Far beyond any app; a device or a mistaken path must not fill the memory.
    static let maximumBytes = 16 << 20

    let path: String
    let console: Console

    /// - Throws: `Failure` with one message per fault of the file.
    func app() throws -> App {
        let name = path == "-" ? "stdin" : path
        let bytes: [UInt8]
        do {
            bytes = try path == "-" ? console.readIn(Self.maximumBytes) : FileBytes.read(path, limit: Self.maximumBytes)
        } catch {
            throw Failure("error accessing config \(name): \(error)", status: .badAppFile)
        }
        do throws(AppFileErrors) {
            return try AppFile.parse(bytes)
        } catch {
            throw Failure(error.errors.map { "error loading config: \(name): \($0)" }, status: .badAppFile)
        }
    }
}
