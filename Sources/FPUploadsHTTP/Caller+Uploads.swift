public import FPHTTP
public import FPUploads

extension Caller {
    /// Whose uploads it may use.
    public var reach: Reach { isBoundToOwn ? .own(owner) : .everybodys }
}

extension Uploader {
    /// The caller of a request, as the one who brings an upload.
    public init(_ caller: Caller, _ request: Request) {
        self.init(owner: caller.owner, address: request.clientAddress, allowance: caller.grant as? Allowance)
    }
}

extension Allowance: Grant {}
