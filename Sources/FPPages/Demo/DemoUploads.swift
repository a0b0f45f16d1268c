import FPAPI
import FPHTTP
import FPUploads
import HTTPTypes

/// The little that an application would add to the demo page: listing, storing and deleting what arrived, without a
/// token.
///
/// It is for trying fphost out: everybody who reaches the server may do all of that.
package struct DemoUploads: Mount {
    private let resource: UploadResource

    package init(uploads: Uploads) {
        // To read whole files again and again is not for everybody.
        resource = UploadResource(uploads: uploads, addresses: UploadAddress.allCases.filter { $0 != .verify })
    }

    package var methods: [HTTPRequest.Method] { UploadResource.methods }

    package var accesses: [Access] { [.page] }

    package func action(for request: Request, rest: ArraySlice<String>) -> Action {
        Action(for: .page) { _ in try await resource.respond(to: request, rest: rest, within: .everybodys) }
    }
}
