import StellarAPI

extension [ClusterNodeOutcome] {
    /// The nodes that did what was requested.
    var done: [String] { filter(\.error.isEmpty).map(\.node).sorted() }

    /// The errors of the other nodes, a line each.
    var complaints: [String] {
        filter { !$0.error.isEmpty }.sorted { $0.node < $1.node }.map { "\($0.node): \($0.error)" }
    }

    /// Ends the command with what the others said: to have reached only some must not look like success.
    ///
    /// - Parameter what: What is now true of some nodes and not of others.
    func failUnlessAll(_ what: String) throws(Failure) {
        let complaints = complaints
        guard !complaints.isEmpty else { return }
        let summary = "\(what) on \(done.count) of \(count) nodes only; repeat it when the others are reachable"
        throw Failure(complaints + [summary], status: .unavailable)
    }
}

extension Int {
    /// `1 node`, `3 nodes`.
    var nodes: String { self == 1 ? "1 node" : "\(self) nodes" }
}
