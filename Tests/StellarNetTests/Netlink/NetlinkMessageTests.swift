import CStellarLinux
import StellarCore
import StellarTestKit
import Testing

@testable import StellarNet

/// `0a 0b …` with comments after `#`, one kernel struct a line.
func hex(_ text: String) -> [UInt8] {
    text.split(separator: "\n").flatMap { line in
        line.prefix { $0 != "#" }.split(separator: " ").compactMap { UInt8($0, radix: 16) }
    }
}

/// Requests byte by byte, as the kernel's headers lay them out on a little-endian machine.
struct NetlinkMessageTests {
    @Test func createBridge() {
        #expect(
            LinkRequest.createBridge("stellar0").finished(sequence: 7, extraFlags: NLM_F_ACK)
                == hex(
                    """
                    40 00 00 00  10 00 05 06  07 00 00 00  00 00 00 00  # nlmsghdr: 64 bytes, RTM_NEWLINK, REQUEST|ACK|EXCL|CREATE
                    00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00  # ifinfomsg: AF_UNSPEC, index 0, flags 0, change 0
                    0d 00 03 00  73 74 65 6c  6c 61 72 30  00 00 00 00  # nlattr: 13 bytes, IFLA_IFNAME "stellar0\\0", 3 of padding
                    10 00 12 00                                         # nlattr: 16 bytes, IFLA_LINKINFO
                    0b 00 01 00  62 72 69 64  67 65 00 00               # nlattr: 11 bytes, IFLA_INFO_KIND "bridge\\0", 1 of padding
                    """
                )
        )
    }

    @Test func createVeth() {
        #expect(
            LinkRequest.createVeth("a", peer: "b").finished(sequence: 1)
                == hex(
                    """
                    58 00 00 00  10 00 01 06  01 00 00 00  00 00 00 00  # nlmsghdr: 88 bytes, RTM_NEWLINK, REQUEST|EXCL|CREATE
                    00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00  # ifinfomsg
                    06 00 03 00  61 00 00 00                            # IFLA_IFNAME "a"
                    30 00 12 00                                         # IFLA_LINKINFO, 48 bytes
                    09 00 01 00  76 65 74 68  00 00 00 00               # IFLA_INFO_KIND "veth"
                    20 00 02 00                                         # IFLA_INFO_DATA, 32 bytes
                    1c 00 01 00                                         # VETH_INFO_PEER, 28 bytes
                    00 00 00 00  00 00 00 00  00 00 00 00  00 00 00 00  # ifinfomsg of the peer
                    06 00 03 00  62 00 00 00                            # IFLA_IFNAME "b"
                    """
                )
        )
    }

    @Test func setUp() {
        #expect(
            LinkRequest.set(3, up: true).finished(sequence: 2)
                == hex(
                    """
                    20 00 00 00  10 00 01 00  02 00 00 00  00 00 00 00  # nlmsghdr: 32 bytes, RTM_NEWLINK, REQUEST
                    00 00 00 00  03 00 00 00  01 00 00 00  01 00 00 00  # ifinfomsg: index 3, flags IFF_UP, change IFF_UP
                    """
                )
        )
    }

    @Test func addAddress() {
        let address = InterfaceAddress(link: 5, address: IPv4Address(172, 16, 0, 1), prefixLength: 22)
        #expect(
            AddressRequest.add(address).finished(sequence: 9)
                == hex(
                    """
                    30 00 00 00  14 00 01 06  09 00 00 00  00 00 00 00  # nlmsghdr: 48 bytes, RTM_NEWADDR, REQUEST|EXCL|CREATE
                    02 16 00 00  05 00 00 00                            # ifaddrmsg: AF_INET, /22, flags 0, scope 0, index 5
                    08 00 02 00  ac 10 00 01                            # IFA_LOCAL
                    08 00 01 00  ac 10 00 01                            # IFA_ADDRESS
                    08 00 04 00  ac 10 03 ff                            # IFA_BROADCAST
                    """
                )
        )
    }

    @Test func replaceRoute() throws {
        let subnet = try #require(IPv4Subnet("172.16.4.0/22"))
        #expect(
            RouteRequest.add(Route(destination: subnet, gateway: IPv4Address(10, 0, 0, 2), link: 2), replacing: true)
                .finished(sequence: 4)
                == hex(
                    """
                    34 00 00 00  18 00 01 05  04 00 00 00  00 00 00 00  # nlmsghdr: 52 bytes, RTM_NEWROUTE, REQUEST|REPLACE|CREATE
                    02 16 00 00  fe 04 00 01  00 00 00 00               # rtmsg: AF_INET, /22, main, RTPROT_STATIC, universe, RTN_UNICAST
                    08 00 01 00  ac 10 04 00                            # RTA_DST
                    08 00 05 00  0a 00 00 02                            # RTA_GATEWAY
                    08 00 04 00  02 00 00 00                            # RTA_OIF
                    """
                )
        )
    }

    @Test func routeToAnAddress() {
        #expect(
            RouteRequest.get(IPv4Address(10, 0, 0, 2)).finished(sequence: 5)
                == hex(
                    """
                    24 00 00 00  1a 00 01 00  05 00 00 00  00 00 00 00  # nlmsghdr: 36 bytes, RTM_GETROUTE, REQUEST
                    02 20 00 00  00 00 00 00  00 00 00 00               # rtmsg: AF_INET, /32
                    08 00 01 00  0a 00 00 02                            # RTA_DST
                    """
                )
        )
    }

    /// A route decodes as it was encoded. An MTU with an expiry, from path MTU discovery, does not count.
    @Test func routeWithAnMTU() throws {
        let subnet = try #require(IPv4Subnet("172.16.4.0/22"))
        let route = Route(destination: subnet, gateway: IPv4Address(10, 0, 0, 2), link: 2, metric: 7, mtu: 1400)
        var message = RouteRequest.add(route, replacing: true)
        func read(_ message: NetlinkMessageBuilder) throws -> Route? {
            let bytes = message.finished(sequence: 1)
            return try NetlinkParser.messages(in: bytes[...]).first.flatMap { try Route($0) }
        }
        #expect(try read(message) == route)
        for (expiry, mtu) in [(UInt8(0), UInt32(1400)), (9, nil)] {
            // struct rta_cacheinfo: users, last use, expiry, …
            message.attribute(12, [0, 0, 0, 0, 0, 0, 0, 0, expiry, 0, 0, 0] + Array(repeating: 0, count: 20))
            #expect(try read(message)?.mtu == mtu)
        }
    }

    @Test func linkOfADump() throws {
        let bytes = hex(
            """
            4c 00 00 00  10 00 02 00  01 00 00 00  2a 00 00 00  # nlmsghdr: 76 bytes, RTM_NEWLINK, MULTI
            00 00 01 00  04 00 00 00  43 10 01 00  00 00 00 00  # ifinfomsg: ARPHRD_ETHER, index 4, UP|BROADCAST|RUNNING|…
            08 00 03 00  62 72 30 00                            # IFLA_IFNAME "br0"
            08 00 04 00  dc 05 00 00                            # IFLA_MTU 1500
            0a 00 01 00  02 42 ac 10  00 01 00 00               # IFLA_ADDRESS
            10 00 12 80  0b 00 01 00  62 72 69 64  67 65 00 00  # IFLA_LINKINFO|NLA_F_NESTED: IFLA_INFO_KIND "bridge"
            """
        )
        let message = try #require(try NetlinkParser.messages(in: bytes[...]).first)
        let link = try #require(try Link(message))
        #expect(link.index == 4)
        #expect(link.name == "br0")
        #expect(link.kind == "bridge")
        #expect(link.isUp)
        #expect(link.mtu == 1500)
        #expect(link.master == nil)
        #expect(link.hardwareAddress == [2, 0x42, 0xac, 0x10, 0, 1])
    }

    /// Decoding any bytes ends with messages or an error.
    @Test(arguments: UInt64(0)..<64) func anyBytesAreSafe(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        for _ in 0..<200 {
            var bytes = LinkRequest.createVeth("veth0", peer: "eth0").finished(sequence: 1)
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &generator)))
            guard let messages = try? NetlinkParser.messages(in: bytes[...]) else { continue }
            for message in messages {
                _ = try? Link(message)
                _ = try? InterfaceAddress(message)
                _ = try? Route(message)
                _ = try? Neighbour(message)
                _ = try? NetlinkAcknowledgement(message)
            }
        }
    }
}
