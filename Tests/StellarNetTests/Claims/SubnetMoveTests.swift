import StellarCore
import Testing

@testable import StellarNet

struct SubnetMoveTests {
    private func subnet(_ third: UInt8) throws -> IPv4Subnet {
        try #require(IPv4Subnet(containing: IPv4Address(172, 16, third, 0), prefixLength: 22))
    }

    @Test func theFirstSubnetIsRecordedWithoutAMove() throws {
        let first = try subnet(0)
        var move = SubnetMove()
        #expect(move.unrecorded == nil)
        move.hostUses(first, droppedAddresses: false)
        #expect(!move.isPending && move.unrecorded == first)
        move.wasRecorded(first)
        #expect(move.unrecorded == nil)
    }

    @Test func anotherSubnetIsRecordedAfterTheContainersMoved() throws {
        let (first, second) = (try subnet(0), try subnet(4))
        var move = SubnetMove(recorded: first)
        move.hostUses(second, droppedAddresses: true)
        #expect(move.isPending && move.unrecorded == nil)
        // The daemon dies here. The next one reads the former subnet, and its addresses are dropped already.
        move = SubnetMove(recorded: first)
        move.hostUses(second, droppedAddresses: false)
        #expect(move.isPending && move.unrecorded == nil)
        move.containersMoved()
        #expect(!move.isPending && move.unrecorded == second)
        move.wasRecorded(second)
        move = SubnetMove(recorded: second)
        move.hostUses(second, droppedAddresses: false)
        #expect(!move.isPending && move.unrecorded == nil)
    }

    /// A disk without a record, and addresses of another subnet.
    @Test func droppedAddressesRequireAMove() throws {
        var move = SubnetMove()
        move.hostUses(try subnet(0), droppedAddresses: true)
        #expect(move.isPending)
    }

    @Test func aPendingMoveStaysPendingWhenTheSubnetChangesBack() throws {
        let first = try subnet(0)
        var move = SubnetMove(recorded: first)
        move.hostUses(try subnet(4), droppedAddresses: true)
        move.hostUses(first, droppedAddresses: false)
        #expect(move.isPending)
    }
}
