import StellarCore
import StellarTestKit
import Testing

@testable import StellarNet

struct SubnetClaimsTests {
    private let network = IPv4Subnet(containing: IPv4Address(172, 16, 0, 0), prefixLength: 12)

    private func subnet(_ text: String) throws -> IPv4Subnet { try #require(IPv4Subnet(text)) }

    private func machine(
        _ node: String = "b",
        confirmed: SubnetClaim? = nil,
        at now: Duration = .zero
    ) throws -> Machine {
        Machine(SubnetClaims(node: node, network: try #require(network), confirmed: confirmed, now: now))
    }

    /// The machine behind a reference, as `#expect` takes no mutating call.
    private final class Machine {
        var machine: SubnetClaims

        init(_ machine: SubnetClaims) {
            self.machine = machine
        }

        var standing: SubnetClaims.Standing { machine.standing }

        func evaluate(_ view: SubnetClaims.View, now: Duration) -> IPv4Subnet? {
            machine.evaluate(view, now: now)
        }
    }

    @Test func aNodeWithoutPeersHoldsASubnetAtOnce() throws {
        let machine = try machine()
        let first = try #require(machine.evaluate(.init(claims: []), now: .zero))
        #expect(first.description == "172.16.0.0/22")
        #expect(machine.standing == .unclaimed)
        let claim = SubnetClaim(node: "b", subnet: first, stamp: 7)
        #expect(machine.evaluate(.init(claims: [claim]), now: .zero) == nil)
        #expect(machine.standing == .held(first))
        #expect(machine.machine.confirmed == claim && machine.machine.deadline == nil)
    }

    @Test func aNodeWithPeersWaitsForTheirClaims() throws {
        let machine = try machine()
        var view = SubnetClaims.View(claims: [], expectsOthers: true)
        #expect(machine.evaluate(view, now: .seconds(1)) == nil)
        #expect(machine.standing == .unclaimed && machine.machine.deadline == SubnetClaims.searchLimit)
        // A peer responds; its claims have not arrived yet.
        view.others = ["a"]
        #expect(machine.evaluate(view, now: .seconds(2)) == nil)
        view.hasSynced = true
        view.claims = [SubnetClaim(node: "a", subnet: try subnet("172.16.0.0/22"), stamp: 3)]
        let claimed = machine.evaluate(view, now: .seconds(3))
        #expect(claimed?.description == "172.16.4.0/22")
    }

    @Test func aNodeWhosePeersDoNotRespondClaimsAfterTheSearchLimit() throws {
        let machine = try machine()
        let view = SubnetClaims.View(claims: [], expectsOthers: true)
        #expect(machine.evaluate(view, now: SubnetClaims.searchLimit - .nanoseconds(1)) == nil)
        let claimed = try #require(machine.evaluate(view, now: SubnetClaims.searchLimit))
        let claim = SubnetClaim(node: "b", subnet: claimed, stamp: 9)
        _ = machine.evaluate(.init(claims: [claim], expectsOthers: true), now: SubnetClaims.searchLimit)
        #expect(machine.standing == .held(claimed))
    }

    @Test func aClaimIsConfirmedWhenAllLiveNodesHaveItAndTheObjectionTimeIsOver() throws {
        let machine = try machine()
        let own = SubnetClaim(node: "b", subnet: try subnet("172.16.0.0/22"), stamp: 5)
        var view = SubnetClaims.View(claims: [own], others: ["a", "c"], seen: ["a": 5, "c": 4], hasSynced: true)
        let late = Duration.seconds(2)
        #expect(machine.evaluate(view, now: .zero) == nil && machine.standing == .confirming(own.subnet))
        #expect(machine.evaluate(view, now: late) == nil && machine.standing == .confirming(own.subnet))
        #expect(machine.machine.deadline == SubnetClaims.confirmLimit)
        view.seen["c"] = 6
        #expect(machine.evaluate(view, now: late) == nil && machine.standing == .held(own.subnet))

        // All nodes have it at once: other claims of the same moment may arrive later.
        let second = try self.machine()
        _ = second.evaluate(view, now: .zero)
        #expect(second.standing == .confirming(own.subnet) && second.machine.deadline == SubnetClaims.objectionTime)
        _ = second.evaluate(view, now: SubnetClaims.objectionTime)
        #expect(second.standing == .held(own.subnet))

        // A live node that acknowledges nothing delays the claim by the limit at most.
        let third = try self.machine()
        view.seen["c"] = nil
        _ = third.evaluate(view, now: .zero)
        _ = third.evaluate(view, now: SubnetClaims.confirmLimit)
        #expect(third.standing == .held(own.subnet))
    }

    @Test func anAcknowledgementConfirmsLikeTheWatermark() throws {
        let machine = try machine()
        let own = SubnetClaim(node: "b", subnet: try subnet("172.16.0.0/22"), stamp: 5)
        let view = SubnetClaims.View(claims: [own], others: ["a", "c"], seen: ["a": 5], hasSynced: true)
        #expect(machine.machine.unconfirmedStamp == nil)
        _ = machine.evaluate(view, now: .zero)
        #expect(machine.machine.unconfirmedStamp == 5)
        machine.machine.acknowledge(4, by: "c")
        #expect(machine.evaluate(view, now: SubnetClaims.objectionTime) == nil)
        #expect(machine.standing == .confirming(own.subnet))
        machine.machine.acknowledge(5, by: "c")
        // An older acknowledgement that arrives late changes nothing.
        machine.machine.acknowledge(4, by: "c")
        #expect(machine.evaluate(view, now: SubnetClaims.objectionTime) == nil)
        #expect(machine.standing == .held(own.subnet) && machine.machine.unconfirmedStamp == nil)
    }

    @Test func theOlderOfTwoClaimsStands() throws {
        let shared = try subnet("172.16.0.0/22")
        let older = SubnetClaim(node: "z", subnet: shared, stamp: 4)
        let own = SubnetClaim(node: "b", subnet: shared, stamp: 5)
        let view = SubnetClaims.View(claims: [own, older], others: ["z"], seen: ["z": 9], hasSynced: true)
        let machine = try machine(confirmed: own)
        #expect(machine.evaluate(view, now: .zero)?.description == "172.16.4.0/22")
        #expect(machine.standing == .disputed(shared, by: "z"))
        // The node with the older claim keeps its subnet.
        let other = try self.machine("z", confirmed: older)
        #expect(other.evaluate(view, now: .zero) == nil && other.standing == .held(shared))
        // Written in the same moment: the lower name.
        let same = SubnetClaim(node: "a", subnet: shared, stamp: 5)
        #expect(SubnetTable([own, same]).holder(insteadOf: "b") == same)
        #expect(SubnetTable([own, same]).holder(insteadOf: "a") == nil)
    }

    @Test func aConfirmedClaimFromTheDiskCountsAtOnce() throws {
        let own = SubnetClaim(node: "b", subnet: try subnet("172.16.8.0/22"), stamp: 5)
        let machine = try machine(confirmed: own)
        _ = machine.evaluate(.init(claims: [own], others: ["a"], expectsOthers: true), now: .zero)
        #expect(machine.standing == .held(own.subnet))
        // Written by an earlier run that ended before the claim was confirmed.
        let unconfirmed = try self.machine()
        _ = unconfirmed.evaluate(.init(claims: [own], others: ["a"], expectsOthers: true), now: .zero)
        #expect(unconfirmed.standing == .confirming(own.subnet))
    }

    @Test func aForgottenNodeTakesItsFormerSubnetWhereItIsFree() throws {
        let former = SubnetClaim(node: "b", subnet: try subnet("172.16.8.0/22"), stamp: 5)
        let machine = try machine(confirmed: former)
        let others = [SubnetClaim(node: "a", subnet: try subnet("172.16.0.0/22"), stamp: 3)]
        let view = SubnetClaims.View(claims: others, others: ["a"], hasSynced: true)
        #expect(machine.evaluate(view, now: .zero) == former.subnet)
        let successor = SubnetClaim(node: "c", subnet: former.subnet, stamp: 12)
        let taken = try self.machine(confirmed: former)
        let next = taken.evaluate(.init(claims: others + [successor], others: ["a"], hasSynced: true), now: .zero)
        #expect(next?.description == "172.16.4.0/22")
    }

    @Test func aNodeClaimsAnotherSubnetWhenTheNetworkChanges() throws {
        let old = SubnetClaim(node: "b", subnet: try subnet("10.0.4.0/26"), stamp: 5)
        let neighbour = SubnetClaim(node: "a", subnet: try subnet("172.16.0.0/20"), stamp: 2)
        let machine = try machine(confirmed: old)
        let claimed = machine.evaluate(.init(claims: [old, neighbour], others: ["a"], hasSynced: true), now: .zero)
        // A claim from a network that is cut differently also takes its addresses.
        #expect(claimed?.description == "172.16.16.0/22")
        #expect(machine.standing == .unclaimed)
    }

    @Test func nodesThatMustYieldTakeDifferentSubnets() throws {
        let shared = try subnet("172.16.0.0/22")
        let claims = (0..<40).map { SubnetClaim(node: "n\($0)", subnet: shared, stamp: 10) }
        let names = Set(claims.map(\.node))
        var taken: Set<IPv4Subnet> = [shared]
        for claim in claims where claim.node != "n0" {
            let machine = try machine(claim.node)
            let view = SubnetClaims.View(claims: claims, others: names.subtracting([claim.node]), hasSynced: true)
            let next = try #require(machine.evaluate(view, now: .zero))
            #expect(taken.insert(next).inserted)
        }
    }

    @Test func aFullNetworkIsExhaustedUntilANodeIsForgotten() throws {
        let all = try #require(network).nodeSubnets()
        let claims = all.enumerated().map { SubnetClaim(node: "n\($0.offset)", subnet: $0.element, stamp: 1) }
        let machine = try machine()
        #expect(machine.evaluate(.init(claims: claims), now: .zero) == nil)
        guard case .exhausted(let reason) = machine.standing else {
            Issue.record("\(machine.standing)")
            return
        }
        #expect(reason.contains("cluster forget"))
        let next = machine.evaluate(.init(claims: Array(claims.dropFirst(3))), now: .seconds(60))
        #expect(next?.description == "172.16.0.0/22")
    }

    /// One record, written by hand, must not take the subnets of all nodes.
    @Test func aClaimLargerThanAnyNodeSubnetIsIgnored() throws {
        let own = SubnetClaim(node: "b", subnet: try subnet("172.16.0.0/22"), stamp: 5)
        let all = SubnetClaim(node: "a", subnet: try subnet("0.0.0.0/0"), stamp: 1)
        #expect(SubnetTable([all, own]).standing == [own])
    }

    @Test func theTableDoesNotDependOnTheOrderOfClaims() throws {
        var generator = SplitMix64(seed: 77)
        for _ in 0..<200 {
            let claims = try (0..<12).map { index in
                let prefix = Int.random(in: 20...24, using: &generator)
                let address = IPv4Address(172, 16, UInt8.random(in: 0...31, using: &generator), 0)
                let subnet = try #require(IPv4Subnet(containing: address, prefixLength: prefix))
                return SubnetClaim(node: "n\(index)", subnet: subnet, stamp: .random(in: 0...5, using: &generator))
            }
            let table = SubnetTable(claims)
            let shuffled = SubnetTable(claims.shuffled(using: &generator))
            #expect(table.standing == shuffled.standing)
            #expect(table.yielding.map(\.claim) == shuffled.yielding.map(\.claim))
            #expect(table.standing.count + table.yielding.count == claims.count)
            for (index, claim) in table.standing.enumerated() {
                #expect(!table.standing.dropFirst(index + 1).contains { $0.subnet.overlaps(claim.subnet) })
            }
            for (claim, holder) in table.yielding {
                #expect(holder.subnet.overlaps(claim.subnet) && SubnetClaim.precedes(holder, claim))
            }
        }
    }
}
