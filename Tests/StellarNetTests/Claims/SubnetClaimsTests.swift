import StellarCore
import StellarTestKit
import Testing

@testable import StellarNet

struct SubnetClaimsTests {
    private let network = IPv4Subnet(containing: IPv4Address(172, 16, 0, 0), prefixLength: 12)

    private func subnet(_ text: String) throws -> IPv4Subnet { try #require(IPv4Subnet(text)) }

    private func machine(
        _ node: String = "b",
        settled: SubnetClaim? = nil,
        at now: Duration = .zero
    ) throws -> Asked {
        Asked(SubnetClaims(node: node, network: try #require(network), settled: settled, now: now))
    }

    /// The machine behind a reference, as `#expect` takes no mutating call.
    private final class Asked {
        private(set) var machine: SubnetClaims

        init(_ machine: SubnetClaims) {
            self.machine = machine
        }

        var standing: SubnetClaims.Standing { machine.standing }

        func look(_ view: SubnetClaims.View, now: Duration) -> IPv4Subnet? {
            machine.look(view, now: now)
        }
    }

    @Test func aNodeAloneStartsAtOnce() throws {
        let machine = try machine()
        let first = try #require(machine.look(.init(claims: []), now: .zero))
        #expect(first.description == "172.16.0.0/22")
        #expect(machine.standing == .looking)
        let claim = SubnetClaim(node: "b", subnet: first, stamp: 7)
        #expect(machine.look(.init(claims: [claim]), now: .zero) == nil)
        #expect(machine.standing == .held(first))
        #expect(machine.machine.settled == claim && machine.machine.deadline == nil)
    }

    @Test func whoWasToldOfOthersLooksForThemFirst() throws {
        let machine = try machine()
        var view = SubnetClaims.View(claims: [], expectsOthers: true)
        #expect(machine.look(view, now: .seconds(1)) == nil)
        #expect(machine.standing == .looking && machine.machine.deadline == SubnetClaims.lookLimit)
        // Somebody is there; what they know is on its way.
        view.others = ["a"]
        #expect(machine.look(view, now: .seconds(2)) == nil)
        view.hasSynced = true
        view.claims = [SubnetClaim(node: "a", subnet: try subnet("172.16.0.0/22"), stamp: 3)]
        let claimed = machine.look(view, now: .seconds(3))
        #expect(claimed?.description == "172.16.4.0/22")
    }

    @Test func whoFindsNobodyClaimsAfterAWhile() throws {
        let machine = try machine()
        let view = SubnetClaims.View(claims: [], expectsOthers: true)
        #expect(machine.look(view, now: SubnetClaims.lookLimit - .nanoseconds(1)) == nil)
        let claimed = try #require(machine.look(view, now: SubnetClaims.lookLimit))
        let claim = SubnetClaim(node: "b", subnet: claimed, stamp: 9)
        _ = machine.look(.init(claims: [claim], expectsOthers: true), now: SubnetClaims.lookLimit)
        #expect(machine.standing == .held(claimed))
    }

    @Test func aClaimSettlesWhenAllThatLiveHaveItAndNoneIsUnderWay() throws {
        let machine = try machine()
        let own = SubnetClaim(node: "b", subnet: try subnet("172.16.0.0/22"), stamp: 5)
        var view = SubnetClaims.View(claims: [own], others: ["a", "c"], seen: ["a": 5, "c": 4], hasSynced: true)
        let late = Duration.seconds(2)
        #expect(machine.look(view, now: .zero) == nil && machine.standing == .settling(own.subnet))
        #expect(machine.look(view, now: late) == nil && machine.standing == .settling(own.subnet))
        #expect(machine.machine.deadline == SubnetClaims.settleLimit)
        view.seen["c"] = 6
        #expect(machine.look(view, now: late) == nil && machine.standing == .held(own.subnet))

        // All have it at once: others' claims of the same moment may still be on their way.
        let second = try self.machine()
        _ = second.look(view, now: .zero)
        #expect(second.standing == .settling(own.subnet) && second.machine.deadline == SubnetClaims.objectionTime)
        _ = second.look(view, now: SubnetClaims.objectionTime)
        #expect(second.standing == .held(own.subnet))

        // One that is alive and silent holds nobody up for ever.
        let third = try self.machine()
        view.seen["c"] = nil
        _ = third.look(view, now: .zero)
        _ = third.look(view, now: SubnetClaims.settleLimit)
        #expect(third.standing == .held(own.subnet))
    }

    @Test func theOlderOfTwoClaimsStands() throws {
        let shared = try subnet("172.16.0.0/22")
        let older = SubnetClaim(node: "z", subnet: shared, stamp: 4)
        let own = SubnetClaim(node: "b", subnet: shared, stamp: 5)
        let view = SubnetClaims.View(claims: [own, older], others: ["z"], seen: ["z": 9], hasSynced: true)
        let machine = try machine(settled: own)
        #expect(machine.look(view, now: .zero)?.description == "172.16.4.0/22")
        #expect(machine.standing == .disputed(shared, by: "z"))
        // For the other one nothing changes.
        let other = try self.machine("z", settled: older)
        #expect(other.look(view, now: .zero) == nil && other.standing == .held(shared))
        // Written in the same moment: the lower name.
        let same = SubnetClaim(node: "a", subnet: shared, stamp: 5)
        #expect(SubnetTable([own, same]).holder(insteadOf: "b") == same)
        #expect(SubnetTable([own, same]).holder(insteadOf: "a") == nil)
    }

    @Test func aClaimFromTheOwnDiskCountsAtOnce() throws {
        let own = SubnetClaim(node: "b", subnet: try subnet("172.16.8.0/22"), stamp: 5)
        let machine = try machine(settled: own)
        _ = machine.look(.init(claims: [own], others: ["a"], expectsOthers: true), now: .zero)
        #expect(machine.standing == .held(own.subnet))
        // Written by an earlier run that ended before it had settled.
        let unsettled = try self.machine()
        _ = unsettled.look(.init(claims: [own], others: ["a"], expectsOthers: true), now: .zero)
        #expect(unsettled.standing == .settling(own.subnet))
    }

    @Test func whoWasForgottenTakesItsFormerSubnetWhereItIsFree() throws {
        let former = SubnetClaim(node: "b", subnet: try subnet("172.16.8.0/22"), stamp: 5)
        let machine = try machine(settled: former)
        let others = [SubnetClaim(node: "a", subnet: try subnet("172.16.0.0/22"), stamp: 3)]
        let view = SubnetClaims.View(claims: others, others: ["a"], hasSynced: true)
        #expect(machine.look(view, now: .zero) == former.subnet)
        let successor = SubnetClaim(node: "c", subnet: former.subnet, stamp: 12)
        let taken = try self.machine(settled: former)
        let next = taken.look(.init(claims: others + [successor], others: ["a"], hasSynced: true), now: .zero)
        #expect(next?.description == "172.16.4.0/22")
    }

    @Test func anotherNetworkMeansAnotherSubnet() throws {
        let old = SubnetClaim(node: "b", subnet: try subnet("10.0.4.0/26"), stamp: 5)
        let neighbour = SubnetClaim(node: "a", subnet: try subnet("172.16.0.0/20"), stamp: 2)
        let machine = try machine(settled: old)
        let claimed = machine.look(.init(claims: [old, neighbour], others: ["a"], hasSynced: true), now: .zero)
        // That of a node whose network is cut in another way is in the way all the same.
        #expect(claimed?.description == "172.16.16.0/22")
        #expect(machine.standing == .looking)
    }

    @Test func manyThatMustYieldTakeDifferentSubnets() throws {
        let shared = try subnet("172.16.0.0/22")
        let claims = (0..<40).map { SubnetClaim(node: "n\($0)", subnet: shared, stamp: 10) }
        let names = Set(claims.map(\.node))
        var taken: Set<IPv4Subnet> = [shared]
        for claim in claims where claim.node != "n0" {
            let machine = try machine(claim.node)
            let view = SubnetClaims.View(claims: claims, others: names.subtracting([claim.node]), hasSynced: true)
            let next = try #require(machine.look(view, now: .zero))
            #expect(taken.insert(next).inserted)
        }
    }

    @Test func noneIsLeft() throws {
        let all = try #require(network).nodeSubnets()
        let claims = all.enumerated().map { SubnetClaim(node: "n\($0.offset)", subnet: $0.element, stamp: 1) }
        let machine = try machine()
        #expect(machine.look(.init(claims: claims), now: .zero) == nil)
        guard case .exhausted(let reason) = machine.standing else {
            Issue.record("\(machine.standing)")
            return
        }
        #expect(reason.contains("cluster forget"))
        let next = machine.look(.init(claims: Array(claims.dropFirst(3))), now: .seconds(60))
        #expect(next?.description == "172.16.0.0/22")
    }

    /// One record by hand must not take everybody's subnet away.
    @Test func aClaimOfEverythingIsNone() throws {
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
