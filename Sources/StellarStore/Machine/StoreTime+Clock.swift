package import StellarSystem

extension StoreTime {
    /// The time of a host's clocks.
    package init(_ clock: HostClock) {
        self.init(monotonic: clock.monotonic, unixMilliseconds: UInt64(clamping: clock.unixMilliseconds))
    }
}
