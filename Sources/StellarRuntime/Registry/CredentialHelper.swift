import FoundationEssentials
import Glibc
import StellarSystem

/// A program `docker-credential-NAME`, which keeps the credentials of registries outside of docker's `config.json`
/// (docker-credential-helpers, "Development": `get` reads the server's address from standard input and prints JSON).
///
/// It is run as a child in a process group of its own, which is killed when the time is up: one that asks its user would
/// wait for ever, as nobody sits at a daemon.
package struct CredentialHelper: Sendable, Hashable {
    /// Helpers that ask a cloud for a token take a second or two.
    package static let standardTimeLimit = Duration.seconds(30)
    /// An answer is three strings; the longest tokens have some kilobytes.
    package static let outputLimit = 256 << 10
    /// How much of what a helper printed goes into a message.
    private static let quotedBytes = 256
    /// The user name under which a helper hands out a refresh token.
    private static let tokenUser = "<token>"

    /// What comes behind `docker-credential-`.
    package let name: String
    /// The configuration that names it, for messages.
    package let file: String

    package init(name: String, file: String) {
        self.name = name
        self.file = file
    }

    package var program: String { "docker-credential-\(name)" }

    /// Why a helper gave nothing: a sentence that names it.
    package struct Failure: Error, Sendable, Hashable {
        package let message: String
    }

    /// Asks the helper for what it keeps for `server`.
    ///
    /// - Parameters:
    ///   - server: the address as docker saves it: a host, `https://index.docker.io/v1/` for Docker Hub.
    ///   - environment: all of the helper's; `PATH` says where it is looked for.
    /// - Returns: `.none` where the helper has nothing for the server.
    /// - Throws: ``Failure``; CancellationError.
    package func credentials(
        for server: String,
        environment: [String: String],
        timeLimit: Duration = standardTimeLimit
    ) async throws -> Credentials {
        let path = try executable(environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin")
        let run = ProgramRun(
            path: path,
            arguments: ["get"],
            environment: environment,
            input: Array(server.utf8),
            outputLimit: Self.outputLimit,
            timeLimit: timeLimit
        )
        switch try await run.outcome() {
        case .timedOut:
            throw failure("did not answer within \(timeLimit) and was killed; it must work without a user at its side")
        case .failed(let reason):
            throw failure(reason)
        case .ended(.exited(0), let output, _):
            return try read(output)
        case .ended(let end, let output, let errors):
            // The helpers' library prints its errors on standard output.
            let said = String(decoding: output + errors, as: UTF8.self)
            if said.contains("credentials not found") { return .none }
            let how =
                switch end {
                case .exited(let code): "failed with status \(code)"
                case .signalled(let signal): "was killed by signal \(signal)"
                }
            throw failure("\(how) and said \(Self.quoted(output + errors))")
        }
    }

    // MARK: The answer

    private struct Answer: Decodable {
        var Username: String?
        var Secret: String?
    }

    func read(_ output: [UInt8]) throws(Failure) -> Credentials {
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(output)) else {
            // What it printed may hold a secret, so it is not quoted.
            throw failure(
                "printed \(output.count) bytes that are not JSON of the form "
                    + #"{"ServerURL": "…", "Username": "…", "Secret": "…"}"#
            )
        }
        guard let secret = answer.Secret, !secret.isEmpty else { return .none }
        let user = answer.Username ?? ""
        return user == Self.tokenUser ? .identityToken(secret) : .basic(user: user, password: secret)
    }

    private func failure(_ what: String) -> Failure {
        Failure(message: "the credential helper '\(program)', which \(file) names, \(what)")
    }

    private static func quoted(_ bytes: [UInt8]) -> String {
        guard !bytes.isEmpty else { return "nothing" }
        let text = String(decoding: bytes.prefix(quotedBytes), as: UTF8.self)
        let words = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : String($0) }.joined()
        return "\"\(words.split(separator: " ").joined(separator: " "))\"" + (bytes.count > quotedBytes ? "…" : "")
    }

    // MARK: The program

    private func executable(_ folders: String) throws(Failure) -> String {
        let characters = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
        guard !name.isEmpty, name.allSatisfy({ characters.contains($0) }) else {
            throw failure("cannot be one: its name may have letters, digits, '-', '_' and '.' only")
        }
        for folder in folders.split(separator: ":") where folder.hasPrefix("/") {
            let path = "\(folder)/\(program)"
            if access(path, X_OK) == 0 { return path }
        }
        throw failure(
            "is not in the PATH of the daemon (\(folders)); install it there, or put the credentials under 'auths'"
        )
    }
}
