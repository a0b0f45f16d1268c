public import FPCatalog

/// What was agreed of an upload when it began.
public typealias UploadTerms = FPCatalog.UploadTerms
/// A number of uploads of which one more begins.
public typealias UploadCount = FPCatalog.UploadCount

/// What somebody may do that brings uploads, beside what the settings say of all.
public struct Allowance: Sendable, Equatable {
    /// What holds for each of the uploads.
    public var terms = UploadTerms()
    /// The most files of one upload; `nil` for as many as any may have.
    public var maxFiles: Int?
    /// How many uploads may begin; `nil` for any number.
    public var count: UploadCount?

    /// An allowance without limits of its own.
    public init() {}
}

extension Uploads {
    /// The most bytes of an upload of which those terms were agreed.
    func maxSize(_ terms: UploadTerms?) -> UInt64 { min(settings.maxSize, terms?.maxSize ?? .max) }

    /// The most files of an upload that somebody brings.
    func maxFiles(_ allowance: Allowance?) -> Int { min(settings.maxFiles, allowance?.maxFiles ?? .max) }

    /// Refuses a file that is larger than an upload may be of which those terms were agreed.
    func checkSize(_ size: UInt64, _ terms: UploadTerms?) throws(UploadError) {
        let most = maxSize(terms)
        guard size <= most else {
            throw UploadError(.tooLarge, "The file has \(size) bytes; an upload may hold \(most) at most.")
        }
    }

    /// Looks at a file's name alone, by the settings and by what was agreed.
    func checkType(name: String, _ terms: UploadTerms?) throws(UploadError) {
        try settings.types.check(name: name)
        try terms?.rules.check(name: name)
    }

    /// Looks at a file's name and its beginning, by the settings and by what was agreed.
    /// - Returns: the type that it is served with.
    func checkType(
        name: String, head: [UInt8], declared: String? = nil, _ terms: UploadTerms?
    ) throws(UploadError) -> String {
        let served = MediaType.of(signature: head, name: name, declared: declared)
        try settings.types.check(name: name, head: head, served: served)
        try terms?.rules.check(name: name, head: head, served: served)
        return served
    }
}

extension UploadTerms {
    fileprivate var rules: TypeRules { TypeRules(allow: types) }
}
