import ArgumentParser

/// Finds which command the arguments name, before they are parsed: ArgumentParser knows `help` at the root alone and calls
/// an unknown command an unexpected argument.
enum CommandTopics {
    enum Finding: Equatable {
        /// To be parsed as they are.
        case parse([String])
        /// The command path whose help is wanted; empty is the root.
        case help([String])
        /// The word that is no command.
        case unknown(String)
    }

    /// Global options that take the next argument, so that it is not mistaken for a command.
    private static let valued: Set<String> = [
        "--addr", "-a", "--cert", "-c", "--key", "-k", "--ca", "--output", "-o",
    ]

    static func find(_ arguments: [String], root: any ParsableCommand.Type = Sctl.self) -> Finding {
        var command = root
        var path: [String] = []
        var wantsHelp = false
        var index = arguments.startIndex
        while index < arguments.endIndex, !command.configuration.subcommands.isEmpty {
            let argument = arguments[index]
            index += 1
            if argument.hasPrefix("-") {
                if valued.contains(argument) { index += 1 }
                continue
            }
            if argument == "help" || argument == "h" {
                wantsHelp = true
                continue
            }
            guard let next = child(of: command, named: argument) else { return .unknown(argument) }
            path.append(name(of: next))
            command = next
        }
        return wantsHelp ? .help(path) : .parse(arguments)
    }

    static func command(at path: [String], root: any ParsableCommand.Type = Sctl.self) -> any ParsableCommand.Type {
        path.reduce(root) { child(of: $0, named: $1) ?? $0 }
    }

    private static func child(
        of command: any ParsableCommand.Type,
        named name: String
    ) -> (any ParsableCommand.Type)? {
        command.configuration.subcommands.first { candidate in
            self.name(of: candidate) == name || candidate.configuration.aliases.contains(name)
        }
    }

    private static func name(of command: any ParsableCommand.Type) -> String {
        command.configuration.commandName ?? "\(command)".lowercased()
    }
}
