import ArgumentParser

/// From arguments to exit code.
enum SctlMain {
    static func run(arguments: [String], console: Console) async -> SctlExit {
        await Console.$current.withValue(console) {
            switch CommandTopics.find(arguments) {
            case .unknown(let word):
                console.note("No help topic for '\(word.singleLine)'")
                return .unknownCommand
            case .help(let path):
                console.print(Sctl.helpMessage(for: CommandTopics.command(at: path)))
                return .ok
            case .parse(let path, let own):
                return await run(console: console) { try parse(arguments, path: path, own: own) }
            }
        }
    }

    /// Most commands are parsed by themselves, as if each were a program: every level of the tree above costs a
    /// millisecond of reflection. The tree is for what they refuse, because it knows the whole command line: `--version`,
    /// and "See 'sctl applications list --help'".
    private static func parse(_ all: [String], path: [String], own: [String]) throws -> any ParsableCommand {
        let command = CommandTopics.command(at: path)
        if let plain = command as? any PlainVerb.Type, let verb = plain.reading(own) { return verb }
        if command.configuration.subcommands.isEmpty, !all.contains("--"), let parsed = try? command.parseAsRoot(own) {
            return parsed
        }
        return try Sctl.parseAsRoot(all)
    }

    private static func run(console: Console, parse: () throws -> any ParsableCommand) async -> SctlExit {
        var endpoint: DaemonEndpoint?
        do {
            var command = try parse()
            if let verb = command as? any Verb { endpoint = try verb.globals.endpoint() }
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return .ok
        } catch let failure as Failure {
            return report(failure, console: console)
        } catch {
            if Sctl.exitCode(for: error) == .success {
                console.print(Sctl.fullMessage(for: error))
                return .ok
            }
            if let failure = parseFailure(error) { return report(failure, console: console) }
            return report(Failure(error, endpoint: endpoint), console: console)
        }
    }

    private static func report(_ failure: Failure, console: Console) -> SctlExit {
        for message in failure.messages { console.fatal(message) }
        return failure.status
    }

    /// What ArgumentParser, or a command's `validate`, has against the arguments; nil for errors of the work itself.
    private static func parseFailure(_ error: any Error) -> Failure? {
        let code = Sctl.exitCode(for: error)
        guard code == .validationFailure else { return nil }
        let message = Sctl.message(for: error)
        // The last line of the long form points to the help of the command that was meant.
        let hint = Sctl.fullMessage(for: error).split(separator: "\n").last { $0.contains("See '") }
        guard let hint else { return Failure(message) }
        let command = hint.drop { $0 != "'" }.dropFirst().prefix { $0 != "'" }
        return Failure("\(message) (see: \(command))")
    }
}
