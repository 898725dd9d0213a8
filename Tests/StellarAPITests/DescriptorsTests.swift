import NIOCore
import StellarAPI
import StellarRPC
import SwiftProtobuf
import Testing

@Suite struct DescriptorsTests {
    @Test func everyServiceOfTheAPIHasADescriptorWithItsImports() throws {
        let index = try ReflectionIndex(StellarAPIDescriptors.files.map { ByteBuffer(bytes: $0) })
        for service in ["Application", "Cluster", "Health", "Nameserver", "Network", "Runtime", "Scheduler", "Version"]
        {
            let area = service.lowercased()
            let file = index.files["stellar/\(area)/v1/\(area).proto"]
            #expect(file != nil, "\(service)")
        }
        #expect(index.file(declaring: "stellar.services.application.v1.Application.Create") != nil)
        #expect(index.file(declaring: "grpc.health.v1.Health.Watch") != nil)
        #expect(index.file(declaring: "grpc.reflection.v1.ServerReflection") != nil)
        #expect(index.file(declaring: "google.protobuf.Empty") != nil)
        for file in index.files.values {
            for dependency in file.dependencies {
                #expect(index.files[dependency] != nil, "\(file.name) imports \(dependency)")
            }
        }
    }

    /// Daemons call each other with `io.stellar.peer.v1`; the numbers and names of the former flags are not used again.
    @Test func thePublicClusterServiceHasNoFlagsForCallsBetweenNodes() throws {
        let files = try StellarAPIDescriptors.files.map { try Google_Protobuf_FileDescriptorProto(serializedBytes: $0) }
        let cluster = try #require(files.first { $0.package == "stellar.services.cluster.v1" })
        let former: [String: [String: Int32]] = [
            "HealthRequest": ["local": 100, "without_peers": 101, "without_problems": 102],
            "ForgetRequest": ["local": 2], "KeysRequest": ["local": 1], "ChangeKeysRequest": ["local": 4],
            "RoundTripsRequest": ["local": 1], "StatusRequest": ["local": 1],
            "QuarantineRequest": ["local": 1], "ChangeQuarantineRequest": ["local": 3],
        ]
        for (name, flags) in former {
            let message = try #require(cluster.messageType.first { $0.name == name })
            #expect(Set(message.reservedName) == Set(flags.keys), "\(name)")
            for (flag, number) in flags {
                #expect(message.reservedRange.contains { ($0.start..<$0.end).contains(number) }, "\(flag)")
            }
        }
        let fields = cluster.messageType.flatMap { $0.field.map(\.name) }
        #expect(fields.allSatisfy { $0 != "local" && !$0.hasPrefix("without_") })
        let peer = try #require(files.first { $0.name == "stellar/peer/v1/node.proto" }?.service.first)
        #expect(peer.name == "Node" && peer.method.count == 10)
    }
}
