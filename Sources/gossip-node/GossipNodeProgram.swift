import Glibc
import Logging
import NIOCore
import NIOPosix
import StellarGossip

/// A bare node: see ``Options/usage``.
@main
struct GossipNodeProgram {
    static func main() async {
        let options: Options
        do {
            options = try Options(Array(CommandLine.arguments.dropFirst()))
        } catch {
            say("gossip-node: \(error)\n\(Options.usage)", to: STDERR_FILENO)
            exit(64)
        }
        var logger = Logger(label: "gossip-node") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = Logger.Level(rawValue: options.logLevel) ?? .info
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            let node = try GossipNode(
                options.configuration,
                store: options.statePath.map { FilePeerStore(path: $0) },
                eventLoopGroup: group,
                logger: logger
            )
            try await run(node, on: group)
        } catch {
            say("error \(error)")
            exit(1)
        }
    }

    private static func run(_ node: GossipNode, on group: MultiThreadedEventLoopGroup) async throws {
        let events = node.events()
        let messages = node.messages()
        try await node.start()
        say("ready")
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await node.run() }
            tasks.addTask { for await event in events { report(event) } }
            tasks.addTask { for await message in messages { report(message) } }
            await obey(Commands(node: node))
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
    }

    private static func obey(_ commands: Commands) async {
        let input = StandardInput()
        while let line = await input.nextLine() {
            if line.isEmpty { continue }
            guard let output = await commands.run(line) else { return }
            for line in output { say(line) }
        }
    }

    private static func report(_ item: GossipFeed<GossipNodeEvent>.Item) {
        guard case .element(let event) = item else {
            if case .missed(let count) = item { say("missed \(count)") }
            return
        }
        switch event {
        case .joined(let member): say("join \(text(member))")
        case .left(let member): say("leave \(text(member))")
        case .failed(let member): say("fail \(text(member))")
        case .updated(let member): say("update \(text(member))")
        case .conflict(let member, let other): say("conflict \(member.name) \(member.endpoint) \(other)")
        case .resumed(let duration): say("resumed \(duration.components.seconds)")
        }
    }

    private static func report(_ item: GossipFeed<[UInt8]>.Item) {
        switch item {
        case .element(let bytes): say("message \(String(decoding: bytes, as: UTF8.self))")
        case .missed(let count): say("missed \(count)")
        }
    }

    private static func text(_ member: MemberStatus) -> String {
        "\(member.name) \(member.endpoint) \(String(decoding: member.metadata, as: UTF8.self))"
    }
}
