import ArgumentParser

struct Clean: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Takes away everything of a cluster, from any state it was left in."
    )

    @OptionGroup var lab: Lab

    func run() async throws {
        guard lab.present() != nil else {
            print("lab: nothing is there")
            return
        }
        try await lab.clean()
        print("lab: all gone")
    }
}
