import StellarStore

extension ReplicatedStore: StorePort {}
