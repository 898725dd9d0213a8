import ArgumentParser

/// `sctl completion SHELL`.
struct CompletionScript: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion",
        abstract: "Print the completion script of a shell.",
        discussion: """
            bash:  sctl completion bash > /etc/bash_completion.d/sctl
            zsh:   sctl completion zsh > "${fpath[1]}/_sctl"
            fish:  sctl completion fish > ~/.config/fish/completions/sctl.fish
            """
    )

    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case bash
        case zsh
        case fish

        var completionShell: CompletionShell {
            switch self {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        }
    }

    @Argument(help: "bash, zsh or fish.")
    var shell: Shell

    func run() throws {
        Console.current.print(CompletedCommands.completionScript(for: shell.completionShell))
    }
}

/// The root of the command tree as completion has it: ArgumentParser's scripts do not know aliases, so here they are
/// commands.
private struct CompletedCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sctl",
        subcommands: Sctl.configuration.subcommands + [Apps.self]
    )

    @OptionGroup var globals: GlobalOptions

    @Flag(name: [.long, .customShort("v")], help: "Print the version of sctl and stop.")
    var version = false

    struct Apps: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "apps",
            abstract: ApplicationsGroup.configuration.abstract,
            subcommands: ApplicationsGroup.configuration.subcommands
        )
    }
}
