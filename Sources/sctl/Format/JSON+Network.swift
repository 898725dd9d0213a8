import StellarAPI

// What the messages of the Network service look like as JSON.

extension NetworkOverviewResponse: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        [
            "node": node, "network": network, "overlay": overlay, "vxlan_id": vxlanID, "vxlan_port": vxlanPort,
            "mtu": mtu, "claims": claims, "added": added, "waiting": waiting,
        ]
    }
}

extension NetworkClaim: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> {
        [
            "node": node, "cidr": cidr, "gateway": gateway, "state": state, "holder": holder,
            "claimed": hasClaimed ? claimed : nil, "address": address, "overlay": overlay,
            "route": hasRoute ? route : nil,
        ]
    }
}

extension NetworkWay: JSONMessage {
    var members: KeyValuePairs<String, any JSONValue> { ["cidr": cidr, "gateway": gateway, "problem": problem] }
}
