/// Which optional slots a type of store fills, and so which capability bits it may set.
struct Offer {
    let resumes, lists, listsPending, copies, presigns, transfers, readsFiles: Bool

    init(_ type: any PluginStore.Type) {
        resumes = type is any ResumableStore.Type
        lists = type is any ListingStore.Type
        listsPending = type is any PendingListingStore.Type
        copies = type is any CopyingStore.Type
        presigns = type is any PresigningStore.Type
        transfers = type is any TransferringStore.Type
        readsFiles = type is any FileReadingStore.Type
    }

    var capabilities: Capabilities.Flags {
        var flags: Capabilities.Flags = [
            .atomicReplace, .atomicCreate, .powerDurable, .readAfterWrite, .shared, .ifMatch, .contentType, .metadata,
            .space,
        ]
        if resumes { flags.formUnion([.resumable, .durableTail, .fenced, .rewind]) }
        if lists { flags.formUnion([.list, .listOrdered]) }
        if listsPending { flags.insert(.listPending) }
        if copies { flags.formUnion([.copy, .move, .moveAtomic]) }
        if presigns { flags.insert(.presign) }
        return flags
    }
}
