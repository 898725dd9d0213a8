import ArgumentParser

/// Finds which command the arguments name, before they are parsed: ArgumentParser knows `help` at the root alone, calls an
/// unknown command an unexpected argument, and reads every command above the one that is meant.
enum CommandTopics {
    enum Finding: Equatable {
        /// To be parsed by the command at that path, empty for the root, whose words are no longer among the arguments.
        case parse(path: [String], arguments: [String])
        /// The command path whose help is wanted; empty is the root.
        case help([String])
        /// The word that is no command.
        case unknown(String)
    }

    /// Global options that take the next argument, so that it is not mistaken for a command.
    private static let valued: Set<String> = ["--addr", "--cert", "--key", "--ca", "--output"]
    /// Their short forms, which may stand behind flags: `-Da`.
    private static let valuedLetters: Set<Character> = ["a", "c", "k", "o"]

    static func find(_ arguments: [String], root: any ParsableCommand.Type = Sctl.self) -> Finding {
        var command = root
        var path: [String] = []
        var rest: [String] = []
        var wantsHelp = false
        var index = arguments.startIndex
        while index < arguments.endIndex, !command.configuration.subcommands.isEmpty {
            let argument = arguments[index]
            index += 1
            if argument.hasPrefix("-") {
                rest.append(argument)
                if takesNext(argument), index < arguments.endIndex {
                    rest.append(arguments[index])
                    index += 1
                }
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
        return wantsHelp ? .help(path) : .parse(path: path, arguments: rest + arguments[index...])
    }

    static func command(at path: [String], root: any ParsableCommand.Type = Sctl.self) -> any ParsableCommand.Type {
        path.reduce(root) { child(of: $0, named: $1) ?? $0 }
    }

    private static func takesNext(_ option: String) -> Bool {
        guard !option.hasPrefix("--") else { return valued.contains(option) }
        return option.last.map(valuedLetters.contains) ?? false
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
