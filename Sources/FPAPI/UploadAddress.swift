import FPFormats
import HTTPTypes

/// The addresses of uploads, each as a template below that of the list.
package enum UploadAddress: String, CaseIterable, Sendable {
    case list = ""
    case upload = "/{id}"
    case store = "/{id}/store"
    case verify = "/{id}/verify"
    case content = "/{id}/content"
    case file = "/{id}/files/{n}/content"

    /// What can be done there; `OPTIONS` aside, which every address has.
    package var methods: [HTTPRequest.Method] {
        switch self {
        case .list, .content, .file: [.get, .head]
        case .upload: [.get, .head, .delete]
        case .store, .verify: [.post]
        }
    }

    /// Finds the address of a path, and what stands in the places of its names; `nil` if it is none of these.
    /// - Parameter rest: The path's segments below the list.
    static func find(
        _ rest: ArraySlice<String>, among addresses: [UploadAddress]
    ) -> (address: UploadAddress, values: [String])? {
        for address in addresses {
            let template = address.rawValue.parts(at: "/").dropFirst()
            guard template.count == rest.count else { continue }
            let pairs = zip(template, rest)
            guard pairs.allSatisfy({ $0.begins(with: "{") || $0.isSame(as: $1) }) else { continue }
            return (address, pairs.filter { $0.0.begins(with: "{") }.map(\.1))
        }
        return nil
    }
}
