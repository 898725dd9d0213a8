/// What is being done to a slot, as the journal has it.
enum SlotOperation: String, Sendable, Hashable {
    /// It may be partly made.
    case create
    /// Its container may be of an earlier form of the service.
    case replace
    /// It may be partly gone, and should be.
    case delete
}
