// Places the app of a file on three nodes, scales it, and prints what each node has to do.
//
//     swift run Embedding ../example.conf
//
// StellarCore does no I/O, so the program reads the file itself. The marked snippets are those of the documentation.

import Glibc
import StellarCore

/// Prints to standard error and exits.
func fail(_ message: String) -> Never {
    let line = Array((message + "\n").utf8)
    write(STDERR_FILENO, line, line.count)
    exit(1)
}

/// The bytes of a file, at most one more than an app file may have.
func contents(of path: String) -> [UInt8] {
    guard let file = fopen(path, "r") else { fail("cannot open \(path): \(String(cString: strerror(errno)))") }
    defer { fclose(file) }
    return [UInt8](unsafeUninitializedCapacity: AppFile.maximumSize + 1) { buffer, count in
        count = fread(buffer.baseAddress, 1, buffer.count, file)
    }
}

guard CommandLine.arguments.count == 2 else { fail("usage: Embedding FILE") }
let path = CommandLine.arguments[1]

// snippet: nodes
let nodes = [
    Node(id: "ctr-00", labels: ["zone": "a"]),
    Node(id: "ctr-01", labels: ["zone": "a"]),
    Node(id: "ctr-02", labels: ["zone": "b"]),
]
// snippet: end

do {
    // snippet: place
    let app = try AppFile.parse(contents(of: path))
    let before = try Placement.assign(app, to: nodes)
    for (replica, node) in before.entries {
        print("\(replica) runs on \(node)")
    }
    // snippet: end

    // snippet: plan
    var scaled = app
    scaled.services[0].replicas += 2
    try scaled.validate()
    let after = try Placement.assign(scaled, to: nodes, keeping: before)

    let plan = PlacementPlan(from: PlacedApp(app, on: before), to: PlacedApp(scaled, on: after))
    for step in plan.steps {
        print("\(step.node): \(step.action) \(step.slot)")
    }
    // snippet: end
} catch let errors as AppFileErrors {
    // snippet: errors
    for error in errors.errors {
        print("\(path):\(error.line ?? 1):\(error.column ?? 1): \(error)")
    }
    // snippet: end
    exit(1)
} catch {
    fail("\(error)")
}
