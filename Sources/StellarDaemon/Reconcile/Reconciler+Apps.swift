import Logging
import StellarCore
import StellarStorage

/// This node's share of commands.
extension Reconciler {
    typealias Progress = SlotWatchers.Progress

    /// Brings this node's slots of an app to what they should be now, and waits for it: what is as it should be is left
    /// alone, what changed is replaced, what is no longer the app's is removed. A slot that fails keeps no other from being
    /// done, and is tried again.
    ///
    /// - Parameter occasion: `requested` starts slots at rest, too.
    /// - Returns: The slots that do not run, or could not be removed.
    func reconcile(_ name: String, _ occasion: Occasion, _ progress: @escaping Progress) async -> [SlotFailure] {
        pending.remove(name)
        await beginTogether(name)
        return await request(machines.keys.filter { $0.app == name }, progress) { machine, token in
            machine.desired == nil ? machine.requestRemoval(token) : machine.request(occasion, token)
        }
    }

    /// Stops the processes of slots of this node and starts them again.
    func restart(_ ids: [ContainerID], _ progress: @escaping Progress) async -> [SlotFailure] {
        await request(ids.filter { machines[$0] != nil }, progress) { machine, token in machine.requestRestart(token) }
    }

    /// Requests something of slots, and waits for the outcomes.
    func request(
        _ ids: [ContainerID],
        _ progress: @escaping Progress,
        _ request: (inout SlotMachine, SlotMachine.Token) -> [SlotEffect]
    ) async -> [SlotFailure] {
        var waiting: [(id: ContainerID, token: SlotMachine.Token)] = []
        for id in ids.sorted() {
            let token = watchers.add(progress)
            waiting.append((id, token))
            send(id) { request(&$0, token) }
        }
        var failures: [SlotFailure] = []
        for (id, token) in waiting {
            if let failure = await watchers.outcome(of: token, id) { failures.append(failure) }
        }
        return failures
    }

    /// Writes into the journal, in one transaction, all slots of an app that are about to be made because of a record that
    /// came from elsewhere. Where it cannot, each slot says why.
    private func beginTogether(_ name: String) async {
        let new = machines.values.filter { $0.id.app == name && $0.journal == nil && $0.status.state == .waiting }
            .compactMap(\.desired?.slot)
        guard new.count > 1 else { return }
        let operations = Dictionary(new.map { ($0.id, SlotOperation.create) }, uniquingKeysWith: { first, _ in first })
        let ids = new.filter(\.service.network).map(\.id.description).sorted()
        do {
            _ = try await addresses.allocate(ids, node: node.id, changes: []) {
                try JournalBook.begin(operations, $0)
            }
            journaled(operations.filter { machines[$0.key]?.journal == nil })
        } catch {
            logger.debug("cannot begin all slots together", metadata: ["reason": "\(Cause(of: error).message)"])
        }
    }

    /// Pulls images, each for the slot that stands for it. Nothing but images is changed.
    ///
    /// - Throws: `SlotFailure` where an image cannot be had; anything else where this node cannot work.
    func prepare(_ images: [Slot], _ progress: @escaping Progress) async throws {
        let runner = runner
        try await withThrowingTaskGroup { group in
            for slot in images {
                group.addTask {
                    // Not the image's fault: another node may do.
                    if try await runner.hasImage(slot.service) { return }
                    do {
                        try await runner.ensureImage(slot.service) { step in
                            progress(SlotProgress(id: slot.id, state: .pulling, pull: step))
                        }
                    } catch {
                        throw SlotFailure(slot.id, error)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// This node's subnet is another now: each of its slots that has the network gets a new container, with an address of
    /// that subnet; what is at rest gets one when it is started. What fails is tried again by the next pass.
    ///
    /// - Throws: where the journal cannot be written; nothing has happened then.
    func readdress() async throws {
        let networked = machines.values.filter { !$0.isAtRest && $0.desired?.slot.service.network == true }.map(\.id)
        let operations = Dictionary(
            networked.map { ($0, SlotOperation.replace) },
            uniquingKeysWith: { first, _ in first }
        )
        try await journalBook.begin(operations)
        journaled(operations)
        for id in networked.sorted() { send(id) { $0.request(.noticed) } }
    }
}
