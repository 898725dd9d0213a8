import StellarCore

/// The nameserver records of a running slot (contract 4.6): A, TXT and one SRV per endpoint under the slot's own name.
enum SlotRecords {
    /// - Parameters:
    ///   - endpoints: Each as in ``Record/SRVOptions``.
    ///   - updated: The time in the form of RFC 3339.
    static func records(
        of id: ContainerID,
        endpoints: [(service: String, protocol: String, port: UInt16)],
        address: IPv4Address,
        node: String,
        updated: String
    ) -> [Record] {
        let name = id.dnsName
        var records = [
            Record(type: .a, name: name, value: address.description),
            Record(type: .txt, name: name, value: "node=\(node); updated=\(updated)"),
        ]
        for endpoint in endpoints {
            let options = Record.SRVOptions(
                service: endpoint.service,
                protocol: endpoint.protocol,
                port: endpoint.port
            )
            records.append(Record(type: .srv, name: name, value: name, options: options))
        }
        return records
    }

    static func records(of slot: Slot, address: IPv4Address, node: String, updated: String) -> [Record] {
        let endpoints = slot.service.endpoints.map { ($0.service, $0.protocol.rawValue, $0.port) }
        return records(of: slot.id, endpoints: endpoints, address: address, node: node, updated: updated)
    }

    /// The records of the service's name, which answers with every replica that runs: the same A and SRV, whose targets
    /// stay the replicas' own names.
    static func serviceRecords(of id: ContainerID, from records: [Record]) -> [Record] {
        records.compactMap { record in
            guard record.type == .a || record.type == .srv else { return nil }
            var record = record
            record.name = id.serviceDNSName
            return record
        }
    }
}
