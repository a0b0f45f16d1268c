import FPFilePond
import FPHTTP

/// One thing that a policy lets its holder do: the use of an endpoint.
public enum PolicyOperation: String, Sendable, CaseIterable {
    /// Begin an upload.
    case begin
    /// Send a chunk.
    case send
    /// Ask how far an upload has come.
    case ask
    /// Take a temporary upload back.
    case revert
    /// Read a stored upload.
    case load
    /// Read a temporary upload.
    case restore
    /// Have the server get a file from a URL.
    case fetch

    /// What it takes to upload: what a policy opens that does not say.
    public static let uploading: [PolicyOperation] = [.begin, .send, .ask, .revert]

    /// What the gatekeeper knows it as.
    var access: Access {
        switch self {
        case .begin: .process
        case .send: .patch
        case .ask: .resume
        case .revert: .revert
        case .load: .load
        case .restore: .restore
        case .fetch: .fetch
        }
    }
}
