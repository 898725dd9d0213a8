// Stellar's rules in a program of your own, without a daemon and without containerd.
//
//     swift run Embedding FILE NODE...
//
// reads an app file, checks it, places every replica on a node and prints the result:
//
//     $ swift run Embedding ../example.conf ctr-00 ctr-01,zone=a
//     app example, 1 service
//       redis  docker.io/library/redis:alpine
//         example.redis.0  ctr-00  example.redis.0.stellar
//
// A node is its id, followed by its labels. Of a file with mistakes every one is printed, with its line; the exit
// status is then 1. StellarCore does no I/O, so reading the file is up to the program, and it needs no Foundation.

import Glibc
import StellarCore

/// Prints to standard error and ends.
func fail(_ message: String) -> Never {
    let line = Array((message + "\n").utf8)
    write(STDERR_FILENO, line, line.count)
    exit(1)
}

/// The bytes of a file, up to one more than any app file has.
func read(_ path: String) -> [UInt8] {
    guard let file = fopen(path, "r") else { fail("\(path): \(String(cString: strerror(errno)))") }
    defer { fclose(file) }
    let limit = AppFile.maximumSize + 1
    return [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
        count = fread(buffer.baseAddress, 1, limit, file)
    }
}

/// `id` or `id,key=value,…`
func node(_ text: String) -> Node {
    let parts = text.split(separator: ",").map(String.init)
    var labels = Labels()
    for (key, value) in parts.dropFirst().compactMap(Labels.split) { labels[key] = value }
    return Node(id: parts.first ?? "", labels: labels)
}

/// `FILE:LINE: PATH: MESSAGE`, as compilers say it, so that editors find the place.
func line(_ error: AppFileError, of file: String) -> String {
    "\(file):\(error.line ?? 1): \(error.path.isEmpty ? error.message : error.description)"
}

let arguments = CommandLine.arguments.dropFirst()
guard let path = arguments.first else { fail("usage: Embedding FILE NODE...") }
let nodes = arguments.dropFirst().map(node)

do {
    let app = try AppFile.parse(read(path))
    let assignment = try Placement.assign(app, to: nodes)
    print("app \(app.name), \(app.services.count) service\(app.services.count == 1 ? "" : "s")")
    for service in app.services {
        print("  \(service.name)  \(service.image)")
        for (slot, node) in assignment.entries where slot.service == service.name {
            print("    \(slot)  \(node)  \(slot.dnsName)")
        }
    }
} catch let errors as AppFileErrors {
    fail(errors.errors.map { line($0, of: path) }.joined(separator: "\n"))
} catch {
    fail("\(error)")
}
