import ArgumentParser
import FoundationEssentials
import StellarAPI

/// A gossip key on the command line, in a file, or on stdin.
struct KeyArgument: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "16, 24 or 32 bytes in base64 or hexadecimal; '-' reads them from stdin, where no other user sees them. For "
                + "'use' and 'remove' a fingerprint will do.",
            valueName: "key"
        )
    )
    var key: String?

    @Option(
        name: [.long, .customShort("f")],
        help: ArgumentHelp("The file with the key, instead of the key itself.", valueName: "file"),
        completion: .file()
    )
    var file: String?

    func validate() throws {
        switch (key, file) {
        case (nil, nil): throw ValidationError("you must enter a key, '-' for stdin, or --file FILE")
        case (.some, .some): throw ValidationError("give the key or --file, not both")
        default: break
        }
    }

    /// What is meant by it: either the key or the fingerprint of one is set in the request.
    ///
    /// - Parameter acceptsFingerprint: whether the daemons have the key already.
    func request(
        _ change: ClusterChangeKeysRequest.Change,
        acceptsFingerprint: Bool,
        console: Console
    ) throws -> ClusterChangeKeysRequest {
        var request = ClusterChangeKeysRequest()
        request.change = change
        let text = try text(console)
        if Self.isFingerprint(text) {
            guard acceptsFingerprint else {
                throw Failure("this is a fingerprint; nodes that do not have the key need the key itself")
            }
            request.fingerprint = text.lowercased()
            return request
        }
        do {
            request.key = Data(try GossipKeyText.read(text))
        } catch {
            throw Failure("\(file.map { "\($0): " } ?? "")\(error)")
        }
        return request
    }

    /// A key takes at most 64 characters; space around it is nobody's fault.
    private static let maximumBytes = 4096

    private func text(_ console: Console) throws -> String {
        if let file {
            do {
                return String(decoding: try FileBytes.read(file, limit: Self.maximumBytes), as: UTF8.self)
            } catch {
                throw Failure("cannot read \(file): \(error)".singleLine)
            }
        }
        guard let key, key != "-" else {
            do {
                return String(decoding: try console.readIn(Self.maximumBytes), as: UTF8.self)
            } catch {
                throw Failure("cannot read the key from stdin: \(error)".singleLine)
            }
        }
        return key
    }

    /// 8 bytes in hexadecimal, which is no key's size.
    private static func isFingerprint(_ text: String) -> Bool {
        text.utf8.count == 16 && text.allSatisfy { $0.isASCII && $0.isHexDigit }
    }
}

extension Verb {
    /// Changes the keyrings of all nodes, and names the nodes that did not change theirs.
    ///
    /// - Parameter done: What the key then is: `added`.
    func change(
        _ change: ClusterChangeKeysRequest.Change,
        _ key: KeyArgument,
        acceptsFingerprint: Bool,
        done: String
    ) async throws {
        let request = try key.request(change, acceptsFingerprint: acceptsFingerprint, console: console)
        let response = try await withClient { try await $0.cluster.changeKeys(request) }
        switch globals.output {
        case .table: console.print("\(response.fingerprint) \(done) on \(response.nodes.done.count.nodes)")
        case .json: console.print(response.jsonText())
        }
        try response.nodes.failUnlessAll("\(response.fingerprint) is \(done)")
    }
}
