import FoundationEssentials
import Glibc
import StellarSystem

/// A program `docker-credential-NAME`, which keeps the credentials of registries outside of docker's `config.json`
/// (docker-credential-helpers, "Development": `get` reads the server's address from standard input and prints JSON).
///
/// It runs as a child in its own process group, which is killed at the time limit: a helper that prompts its user would
/// never end, as a daemon has no terminal.
package struct CredentialHelper: Sendable, Hashable {
    /// Helpers that request a token from a cloud take a second or two.
    package static let standardTimeLimit = Duration.seconds(30)
    /// A response is three strings; the longest tokens have some kilobytes.
    package static let outputLimit = 256 << 10
    /// The most bytes of a helper's output in a message.
    private static let quotedBytes = 256
    /// The user name under which a helper hands out a refresh token.
    private static let tokenUser = "<token>"

    /// The part of the program's name after `docker-credential-`.
    package let name: String
    /// The configuration file that names it, for messages.
    package let file: String

    package init(name: String, file: String) {
        self.name = name
        self.file = file
    }

    package var program: String { "docker-credential-\(name)" }

    /// Why a helper failed: a sentence that names it.
    package struct Failure: Error, Sendable, Hashable {
        package let message: String
    }

    /// Runs the helper to get the credentials for `server`.
    ///
    /// - Parameters:
    ///   - server: the address as docker saves it: a host, `https://index.docker.io/v1/` for Docker Hub.
    ///   - environment: the helper's whole environment; `PATH` lists the folders to search for it.
    /// - Returns: `.none` if the helper has no credentials for the server.
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
            throw failure("did not answer within \(timeLimit) and was killed; it must run without user input")
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

    // MARK: The response

    private struct Response: Decodable {
        var Username: String?
        var Secret: String?
    }

    func read(_ output: [UInt8]) throws(Failure) -> Credentials {
        guard let response = try? JSONDecoder().decode(Response.self, from: Data(output)) else {
            // The output may hold a secret, so the message does not quote it.
            throw failure(
                "printed \(output.count) bytes that are not JSON of the form "
                    + #"{"ServerURL": "…", "Username": "…", "Secret": "…"}"#
            )
        }
        guard let secret = response.Secret, !secret.isEmpty else { return .none }
        let user = response.Username ?? ""
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
            throw failure("has an invalid name: only letters, digits, '-', '_' and '.' are allowed")
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
