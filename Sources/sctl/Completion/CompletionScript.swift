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
        Console.current.print(Sctl.completionScript(for: shell.completionShell))
    }
}
