// Builds an app in code, writes it as an app file, places it by the capacity of the nodes, and handles a crash.
//
//     swift run AppInCode

import StellarCore

// snippet: build
let app = App(
    name: "shop",
    services: [
        Service(
            name: "web",
            image: "registry.example.com/shop/web:1.4",
            process: Process(user: "nobody", env: ["MODE=production"]),
            endpoints: [Endpoint(service: "www", port: 8080)],
            replicas: 3,
            placementPreference: PlacementPreference(maxReplicasPerNode: 2),
            restart: RestartPolicy(condition: .onFailure, maxRetries: 5),
            resources: Resources(cpuMillis: 500, memory: 1 << 30)
        )
    ]
)
// snippet: end

// snippet: write
let valid = try app.validated()
print(String(decoding: AppFile.encode(valid), as: UTF8.self))
// snippet: end

// snippet: place
let capacity = NodeCapacity(platform: "linux/amd64", cpuMillis: 4000, memory: 8 << 30)
let input = PlacementInput(
    nodes: [Node(id: "ctr-00", capacity: capacity), Node(id: "ctr-01", capacity: capacity)],
    unavailable: [Node(id: "ctr-02")],
    load: ["ctr-00": NodeLoad(slots: 12, cpuMillis: 1500, memory: 7 << 30)],
    platforms: [valid.services[0].image: ["linux/amd64", "linux/arm64"]]
)
do {
    let assignment = try Placement.assign(valid, to: input)
    print("ctr-01 runs \(assignment.slots(on: "ctr-01").count) replicas")
} catch {
    for error in error.errors { print(error) }
}
// snippet: end

// snippet: restart
var tracker = RestartTracker<ContinuousClock.Instant>(policy: valid.services[0].restart)
let start = ContinuousClock.now
tracker.started(at: start)
switch tracker.exited(.init(status: 1), at: start + .milliseconds(200)) {
case .restart(let moment): print("restart \(moment - start) after the start")
case .leave(let reason): print("not restarted: \(reason)")
}
// snippet: end
