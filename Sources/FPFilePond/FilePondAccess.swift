import FPHTTP
import HTTPTypes

/// What the FilePond endpoints ask for, by the names that django-drf-filepond gives to them in
/// `DJANGO_DRF_FILEPOND_PERMISSION_CLASSES`.
extension Access {
    /// Begin an upload.
    package static let process = Access("POST_PROCESS")
    /// Send a chunk.
    package static let patch = Access("PATCH_PATCH")
    /// Ask how far an upload has come. FilePond sends none of the page's header fields here.
    package static let resume = Access("HEAD_PATCH", isSafe: true)
    /// Take a temporary upload back.
    package static let revert = Access("DELETE_REVERT")
    /// Read a stored upload.
    package static let load = Access("GET_LOAD", isSafe: true)
    /// Read a temporary upload.
    package static let restore = Access("GET_RESTORE", isSafe: true)
    /// Have the server get a file from a URL, for the client or as an upload. Not safe: the server's own reach is used.
    package static let fetch = Access("GET_FETCH")

    /// All of these.
    package static let filePond: [Access] = [.process, .patch, .resume, .revert, .load, .restore, .fetch]

    init(of endpoint: FilePondRoute.Endpoint, _ method: HTTPRequest.Method) {
        self =
            switch endpoint {
            case .process: .process
            case .patch: method == .head ? .resume : .patch
            case .revert: .revert
            case .load: .load
            case .restore: .restore
            case .fetch: .fetch
            }
    }
}
