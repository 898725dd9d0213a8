import ArgumentParser

struct Clean: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Removes a cluster, whatever state it is in."
    )

    @OptionGroup var lab: Lab

    func run() async throws {
        guard lab.present() != nil else {
            print("lab: nothing to remove")
            return
        }
        try await lab.clean()
        print("lab: removed")
    }
}
