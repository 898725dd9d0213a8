@testable import StellarStore
@testable import StellarSystem

private let now = StoreTime(monotonic: MonotonicTime(nanoseconds: 0), unixMilliseconds: 1_770_000_000_000)

/// Messages of the store: a byte that chooses, then either one gossip message, or the messages of an exchange, each behind
/// its length in two bytes. A decoded message is encoded and decoded again, and given to a machine that must stay sound.
@Sendable func fuzzStore(_ input: [UInt8]) {
    guard let first = input.first else { return }
    var numbers = Numbers(state: UInt64(first))
    var machine = StoreMachine(name: "real", now: now, using: &numbers)
    machine.joined("n1", now: now, using: &numbers)
    store([.write([StoreChange(StoreKey("b", "one"), [1]), StoreChange(StoreKey("b", "two"), nil)])], &machine)
    if first & 1 == 0 {
        receive(Array(input.dropFirst()), &machine, &numbers)
    } else {
        exchange(input.dropFirst(), isCaller: first & 2 == 0, isFull: first & 4 == 0, &machine, &numbers)
    }
    requireSound(machine)
}

private func receive(_ bytes: [UInt8], _ machine: inout StoreMachine, _ numbers: inout Numbers) {
    guard let message = try? StoreMessage(bytes) else {
        return require(
            (try? machine.receive(bytes, now: now, using: &numbers)) == nil,
            "a machine refuses bytes that are not a message"
        )
    }
    require((try? StoreMessage(message.encoded())) == message, "a decoded message survives the wire")
    try? machine.receive(bytes, now: now, using: &numbers)
    drain(&machine)
    // Twice is as good as once.
    let (digest, vector) = (machine.digest, machine.vector)
    try? machine.receive(bytes, now: now, using: &numbers)
    drain(&machine)
    require(machine.digest == digest && machine.vector == vector, "what is known changes nothing")
    var later = now
    for _ in 0..<4 {
        later.monotonic = max(later.monotonic, machine.deadline)
        machine.advance(now: later, using: &numbers)
        drain(&machine)
    }
}

private func exchange(
    _ input: ArraySlice<UInt8>,
    isCaller: Bool,
    isFull: Bool,
    _ machine: inout StoreMachine,
    _ numbers: inout Numbers
) {
    var exchange = isCaller ? machine.exchange(with: "n1", isFull: isFull) : machine.exchange()
    var isOver = false
    perform(exchange.start(), &exchange, &machine, &isOver)
    var rest = input
    while rest.count >= 2, !isOver {
        let count = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
        let bytes = rest.dropFirst(2).prefix(count)
        rest = rest[bytes.endIndex...]
        if let message = try? StoreExchangeMessage(bytes) {
            require((try? StoreExchangeMessage(message.encoded())) == message, "a message survives the wire")
        }
        guard let effects = try? exchange.receive(bytes) else { break }
        perform(effects, &exchange, &machine, &isOver)
        requireSound(machine)
    }
    machine.exchangeEnded(exchange, failed: !isOver, now: now, using: &numbers)
    drain(&machine)
}

private func perform(
    _ effects: [StoreExchangeEffect],
    _ exchange: inout StoreExchange,
    _ machine: inout StoreMachine,
    _ isOver: inout Bool
) {
    for effect in effects {
        switch effect {
        case .send(let bytes):
            require((try? StoreExchangeMessage(bytes)) != nil, "a sent message can be decoded")
        case .store(let input):
            store([input], &machine)
            perform(exchange.stored(), &exchange, &machine, &isOver)
        case .more: perform(exchange.next(), &exchange, &machine, &isOver)
        case .finished: isOver = true
        }
    }
}

private func store(_ inputs: [StoreInput], _ machine: inout StoreMachine) {
    let transaction = machine.begin(inputs, now: now)
    machine.commit(transaction, now: now)
    drain(&machine)
}

private func drain(_ machine: inout StoreMachine) {
    var inputs: [StoreInput] = []
    for effect in machine.takeEffects() {
        switch effect {
        case .store(let input): inputs.append(input)
        case .broadcast(let bytes, about: _), .send(let bytes, to: _):
            require((try? StoreMessage(bytes)) != nil, "a sent message can be decoded")
        default: continue
        }
    }
    if !inputs.isEmpty { store(inputs, &machine) }
}

private func requireSound(_ machine: StoreMachine) {
    let everything = machine.everything
    require(everything.allSatisfy { $0.stamp < .latest }, "no entry has a stamp beyond the limit")
    require(machine.vector.all.allSatisfy { $0.stamp < .latest }, "the vector has no stamp beyond the limit")
    require(machine.quarantined.count <= StoreLimits.quarantined, "the quarantine stays within its limit")
    let digest = everything.reduce(UInt64(0)) { $0 &+ ($1.isTombstone ? 0 : $1.digest) }
    require(machine.digest == digest, "the digest matches the entries")
    require(machine.count == everything.count, "the count of entries is right")
}
