/// The calls of the contract, by the names that they have in `fp_plugin`, and how the host treats each.
enum StoreOperation: String, Sendable, CaseIterable {
    case load, validate, create, destroy, caps, health, stat
    case readOpen = "read_open"
    case read
    case readClose = "read_close"
    case writeBegin = "write_begin"
    case writeResume = "write_resume"
    case write
    case writeSync = "write_sync"
    case writeCommit = "write_commit"
    case writeAbort = "write_abort"
    case writeClose = "write_close"
    case writeDiscard = "write_discard"
    case put, remove, copy, transfer, list
    case listPending = "list_pending"
    case presign
    case readFD = "read_fd"

    /// Whether a call that was given up may have changed the store.
    var changesStore: Bool {
        switch self {
        case .write, .writeSync, .writeCommit, .writeAbort, .writeDiscard, .put, .remove, .copy, .transfer: true
        default: false
        }
    }

    /// Whether the time it takes grows with the object.
    var isLong: Bool {
        switch self {
        case .writeSync, .writeCommit, .copy, .transfer: true
        default: false
        }
    }

    /// Whether its outcome says how the back-end is. Health has its own way of saying so, the others do not go there.
    var showsHealth: Bool {
        switch self {
        case .health, .caps, .readClose, .writeClose, .destroy: false
        default: true
        }
    }
}
