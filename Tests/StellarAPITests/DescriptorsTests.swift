import NIOCore
import StellarAPI
import StellarRPC
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
}
