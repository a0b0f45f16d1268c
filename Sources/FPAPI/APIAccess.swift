import FPHTTP

/// What the application API asks for.
extension Access {
    /// List uploads, and read one with its bytes.
    package static let apiRead = Access("API_READ", isSafe: true)
    /// Claim an upload for the application.
    package static let apiStore = Access("API_STORE")
    /// Delete an upload.
    package static let apiDelete = Access("API_DELETE")

    /// All of these.
    package static let api: [Access] = [.apiRead, .apiStore, .apiDelete]
}
