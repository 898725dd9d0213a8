import StellarTestKit
import Testing

@testable import StellarCore

@Suite struct IPv4AddressTests {
    @Test(
        arguments: [
            ("0.0.0.0", 0), ("255.255.255.255", .max), ("172.16.0.1", 0xAC10_0001), ("1.2.3.4", 0x0102_0304),
            ("10.0.1.33", 0x0A00_0121),
        ] as [(String, UInt32)]
    )
    func table(text: String, value: UInt32) throws {
        let address = try #require(IPv4Address(text))
        #expect(address.rawValue == value)
        #expect(address.description == text)
    }

    @Test(arguments: [
        "", ".", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "256.0.0.0", "1.2.3.999", "01.2.3.4",
        "1.2.3.00",
        "1.2.3.4 ", " 1.2.3.4", "+1.2.3.4", "-1.2.3.4", "1.2.3.0x4", "1.2.3.4/8", "a.b.c.d", "١.2.3.4", "::1",
        "1.2.3.4\n",
        "0001.2.3.4", "1,2,3,4",
    ])
    func refused(text: String) {
        #expect(IPv4Address(text) == nil)
    }

    /// Every octet at every place, written and read.
    @Test func everyOctet() {
        for octet in UInt8.min...UInt8.max {
            for place in 0..<4 {
                var octets: [UInt8] = [9, 8, 7, 6]
                octets[place] = octet
                let address = IPv4Address(octets[0], octets[1], octets[2], octets[3])
                #expect(address.octets == octets)
                #expect(IPv4Address(address.description) == address)
            }
        }
    }

    @Test func distances() {
        let last = IPv4Address(255, 255, 255, 255)
        #expect(last.advanced(by: 1) == nil)
        #expect(last.advanced(by: -1) == IPv4Address(255, 255, 255, 254))
        #expect(IPv4Address(0, 0, 0, 0).advanced(by: -1) == nil)
        #expect(IPv4Address(10, 0, 0, 255).advanced(by: 1) == IPv4Address(10, 0, 1, 0))
        #expect(last.advanced(by: .max) == nil && last.advanced(by: .min) == nil)
        #expect(IPv4Address(9, 255, 255, 255) < IPv4Address(10, 0, 0, 0))
    }
}

@Suite struct IPv4SubnetTests {
    @Test(
        arguments: [
            ("172.16.0.0/12", "172.16.0.0", "172.31.255.255", "172.16.0.1", "255.240.0.0", 1_048_573),
            ("172.16.4.0/22", "172.16.4.0", "172.16.7.255", "172.16.4.1", "255.255.252.0", 1021),
            ("10.0.0.64/26", "10.0.0.64", "10.0.0.127", "10.0.0.65", "255.255.255.192", 61),
            ("10.0.0.4/30", "10.0.0.4", "10.0.0.7", "10.0.0.5", "255.255.255.252", 1),
            ("10.0.0.4/31", "10.0.0.4", "10.0.0.5", "10.0.0.5", "255.255.255.254", 0),
            ("10.0.0.4/32", "10.0.0.4", "10.0.0.4", nil, "255.255.255.255", 0),
            ("0.0.0.0/0", "0.0.0.0", "255.255.255.255", "0.0.0.1", "0.0.0.0", 4_294_967_293),
        ] as [(String, String, String, String?, String, Int)]
    )
    func table(text: String, first: String, last: String, gateway: String?, mask: String, addresses: Int) throws {
        let subnet = try IPv4Subnet.parse(text)
        #expect(subnet.description == text)
        #expect(subnet.network.description == first)
        #expect(subnet.broadcast.description == last)
        #expect(subnet.gateway?.description == gateway)
        #expect(subnet.netmask.description == mask)
        #expect(subnet.containerAddressCount == addresses)
        #expect((subnet.containerAddresses != nil) == (addresses > 0))
        if let range = subnet.containerAddresses {
            #expect(Int(range.upperBound.rawValue - range.lowerBound.rawValue) + 1 == addresses)
        }
    }

    @Test(arguments: [
        "172.16.0.1/12", "172.16.0.0", "172.16.0.0/33", "172.16.0.0/012", "172.16.0.0/-1", "172.16.0.0/+1",
        "172.16.0.0/", "/12", "", "172.16.0.0/12/12",
    ])
    func refused(text: String) {
        let error = #expect(throws: IPv4Subnet.ParseError.self) { try IPv4Subnet.parse(text) }
        // The text, and an example or the right subnet.
        for value in ["\"\(text)\"", "172.16.0.0/12"] {
            #expect(error?.description.contains(value) == true, "\(String(describing: error))")
        }
        #expect(IPv4Subnet(text) == nil)
    }

    /// Section 8 of the API contract: 1024 subnets in order, without gaps, that cover the network.
    @Test(arguments: [
        ("172.16.0.0/12", 22), ("10.1.0.0/16", 26), ("10.0.0.0/8", 18), ("192.168.0.0/21", 31), ("0.0.0.0/0", 10),
    ])
    func nodeSubnets(text: String, prefix: Int) throws {
        let cluster = try IPv4Subnet.parse(text)
        let subnets = try cluster.nodeSubnets()
        #expect(subnets.count == 1024)
        #expect(subnets.allSatisfy { $0.prefixLength == prefix && cluster.contains($0) })
        #expect(subnets.first?.network == cluster.network)
        #expect(subnets.last?.broadcast == cluster.broadcast)
        for (a, b) in zip(subnets, subnets.dropFirst()) {
            #expect(a.broadcast.advanced(by: 1) == b.network && a < b && !a.overlaps(b))
        }
    }

    @Test func nodeSubnetsOfTheDefaultNetwork() throws {
        let subnets = try IPv4Subnet.parse("172.16.0.0/12").nodeSubnets()
        #expect(subnets.prefix(2).map(\.description) == ["172.16.0.0/22", "172.16.4.0/22"])
        #expect(subnets[0].containerAddresses == IPv4Address(172, 16, 0, 2)...IPv4Address(172, 16, 3, 254))
        let error = #expect(throws: IPv4Subnet.ParseError.self) { try IPv4Subnet.parse("10.0.0.0/22").nodeSubnets() }
        for value in ["10.0.0.0/22", "1024", "/21"] { #expect(error?.description.contains(value) == true) }
        #expect(throws: IPv4Subnet.ParseError.self) { try IPv4Subnet.parse("10.0.0.0/32").nodeSubnets() }
    }

    @Test func divisionHasLimits() throws {
        let subnet = try IPv4Subnet.parse("10.0.0.0/24")
        #expect(subnet.divided(prefixLength: 23) == nil)
        #expect(subnet.divided(prefixLength: 33) == nil)
        #expect(subnet.divided(prefixLength: 24) == [subnet])
        #expect(
            subnet.divided(prefixLength: 26)?.map(\.description) == [
                "10.0.0.0/26", "10.0.0.64/26", "10.0.0.128/26", "10.0.0.192/26",
            ]
        )
        #expect(try IPv4Subnet.parse("10.0.0.0/8").divided(prefixLength: 25) == nil)
        #expect(subnet.divided(prefixLength: .max) == nil && subnet.divided(prefixLength: .min + 100) == nil)
    }

    @Test func interfaces() {
        let found = IPv4Subnet.parseInterface("172.16.4.9/22")
        #expect(found?.address == IPv4Address(172, 16, 4, 9))
        #expect(found?.subnet.description == "172.16.4.0/22")
        #expect(IPv4Subnet.parseInterface("172.16.4.9") == nil)
    }

    /// A block contains exactly the addresses that begin with its network bits, counted one by one.
    @Test(arguments: 0..<64)
    func properties(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<200 {
            let length = Int.random(in: 0...32, using: &random)
            let address = IPv4Address(rawValue: UInt32.random(in: 0...UInt32.max, using: &random))
            let subnet = try #require(IPv4Subnet(containing: address, prefixLength: length))
            // Near by, so that both outcomes happen.
            let flip = UInt32(1) << UInt32.random(in: 0...31, using: &random)
            let other = IPv4Address(rawValue: address.rawValue ^ flip)
            let sharedBits = (address.rawValue ^ other.rawValue).leadingZeroBitCount
            #expect(subnet.contains(address))
            #expect(subnet.contains(other) == (sharedBits >= length))
            #expect(subnet.contains(subnet.network) && subnet.contains(subnet.broadcast))
            #expect(Int(subnet.broadcast.rawValue) - Int(subnet.network.rawValue) + 1 == subnet.count)
            #expect(try IPv4Subnet.parse(subnet.description) == subnet)
            let wider = try #require(
                IPv4Subnet(containing: other, prefixLength: Int.random(in: 0...length, using: &random))
            )
            #expect(wider.overlaps(subnet) == wider.contains(subnet.network))
            #expect(wider.overlaps(subnet) == subnet.overlaps(wider))
        }
    }
}
