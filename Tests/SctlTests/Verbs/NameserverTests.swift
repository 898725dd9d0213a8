import StellarAPI
import StellarCore
import SwiftProtobuf
import Testing

@testable import sctl

@Suite("nameserver")
struct NameserverTests {
    @Test("The original's README, to the letter")
    func readme() {
        let record = NameserverRecord.with {
            $0.type = .a
            $0.name = "example.redis.stellar"
            $0.value = "172.16.0.4"
        }
        #expect(
            NameserverList.table([record]) == """
                NAME                    TYPE                VALUE               OPTIONS
                example.redis.stellar   A                   172.16.0.4          nil

                """
        )
    }

    @Test("A service comes before its replicas, these by number, addresses before the rest")
    func order() {
        let records = [
            ("example.redis.10.stellar", NameserverRecordType.a), ("example.redis.0.stellar", .txt),
            ("example.redis.0.stellar", .a), ("example.redis.stellar", .a), ("app.web.stellar", .a),
            ("example.redis.2.stellar", .a),
        ].map { name, type in
            NameserverRecord.with {
                $0.name = name; $0.type = type
            }
        }
        #expect(
            NameserverList.sorted(records).map { "\($0.name) \($0.type.text)" } == [
                "app.web.stellar A", "example.redis.stellar A", "example.redis.0.stellar A",
                "example.redis.0.stellar TXT", "example.redis.2.stellar A", "example.redis.10.stellar A",
            ]
        )
    }

    @Test("SRV shows its options")
    func service() {
        let record = Record(
            type: .srv,
            name: "db.stellar",
            value: "db.0.stellar",
            options: .init(service: "db", protocol: "tcp", port: 5432)
        )
        #expect(
            NameserverList.table([NameserverRecord(record)]).hasSuffix(
                "service=db proto=tcp priority=0 weight=0 port=5432\n"
            )
        )
    }
}
