import StellarAPI

// What the messages of the Cluster service look like as JSON.

extension ClusterNode: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        [
            "id": id, "address": address, "labels": labels, "status": status,
            "last_seen": hasLastSeen ? lastSeen : nil, "conflict": conflict, "reason": reason,
            "gossip_address": gossipAddress,
        ]
    }
}

extension ClusterContainer: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> { ["container": container, "node": node] }
}

extension ClusterNodeHealth: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> { ["node": node, "health": hasHealth ? health : nil] }
}

extension ClusterNodeOutcome: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> { ["node": node, "error": error] }
}

extension ClusterKey: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        ["fingerprint": fingerprint, "size": size, "nodes": nodes, "primary_on": primaryOn]
    }
}

extension ClusterKeysResponse: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> { ["keys": keys, "nodes": nodes] }
}

extension ClusterChangeKeysResponse: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> { ["fingerprint": fingerprint, "nodes": nodes] }
}

extension ClusterPeer: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        [
            "address": address, "declared": declared, "node": node, "status": status,
            "last_success": hasLastSuccess ? lastSuccess : nil, "last_try": hasLastTry ? lastTry : nil,
            "last_error": lastError, "next_try": hasNextTry ? nextTry : nil, "failures": failures,
        ]
    }
}

extension ClusterRoundTripRow: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        ["node": node, "round_trips": roundTrips, "error": error]
    }
}

extension ClusterRoundTrip: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        ["node": node, "round_trip": hasRoundTrip ? roundTrip : nil]
    }
}

extension ClusterNodeStatus: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        ["node": node, "store": hasStore ? store : nil, "behind": behind]
    }
}

extension ClusterStoreStatus: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        ["seen": seen, "entries": entries, "synced": synced, "quarantined": quarantined]
    }
}

extension ClusterStoreSeen: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> { ["origin": origin, "stamp": stamp] }
}

extension ClusterStoreLag: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        ["origin": origin, "has": hasHas ? has : nil, "newest": newest]
    }
}

extension ClusterQuarantined: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        [
            "id": id, "bucket": bucket, "key": key, "origin": origin, "written": written, "reason": reason,
            "deletes": deletes, "size": size, "nodes": nodes,
        ]
    }
}

extension ClusterQuarantineResponse: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> { ["writes": writes, "nodes": nodes] }
}

extension ClusterChangeQuarantineResponse: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> { ["writes": writes, "nodes": nodes] }
}
