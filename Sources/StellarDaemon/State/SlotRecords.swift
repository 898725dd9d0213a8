import StellarCore

/// The nameserver records of a running slot (contract 4.6): A, TXT and one SRV per endpoint under the slot's own name.
enum SlotRecords {
    /// - Parameter updated: The time in the form of RFC 3339.
    static func records(of slot: Slot, address: IPv4Address, node: String, updated: String) -> [Record] {
        let name = slot.id.dnsName
        var records = [
            Record(type: .a, name: name, value: address.description),
            Record(type: .txt, name: name, value: "node=\(node); updated=\(updated)"),
        ]
        for endpoint in slot.service.endpoints {
            let options = Record.SRVOptions(
                service: endpoint.service,
                protocol: endpoint.protocol.rawValue,
                port: endpoint.port
            )
            records.append(Record(type: .srv, name: name, value: name, options: options))
        }
        return records
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
