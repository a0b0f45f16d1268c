import FPFormats
public import HTTPTypes

/// What the conditional fields of a request make of it (RFC 9110, section 13).
public enum PreconditionResult: Sendable, Equatable {
    /// Go on; `Range` counts if `isRangeValid`.
    case proceed(isRangeValid: Bool)
    /// 304: the client has it already.
    case notModified
    /// 412: it is not what the client takes it for.
    case failed
}

/// What a representation is compared by.
public struct Validators: Sendable {
    /// Its entity tag, if it has one.
    public var etag: EntityTag?
    /// When it was last changed, if that is known.
    public var modified: ModificationDate?

    /// The validators of a representation, as far as there are any.
    public init(etag: EntityTag? = nil, modified: ModificationDate? = nil) {
        self.etag = etag
        self.modified = modified
    }

    /// Evaluates the conditions of a GET or HEAD in the order of section 13.2.2.
    ///
    /// - Parameter now: The present, which decides whether `modified` is a strong validator.
    public func evaluate(_ headers: HTTPFields, now: ModificationDate) -> PreconditionResult {
        if headers.contains(.ifMatch) {
            guard isMatch(headers[values: .ifMatch]) else { return .failed }
        } else if let date = single(.ifUnmodifiedSince, headers).flatMap({ ModificationDate($0, now: now) }),
            let modified
        {
            guard modified <= date else { return .failed }
        }
        if headers.contains(.ifNoneMatch) {
            if isKnown(headers[values: .ifNoneMatch]) { return .notModified }
        } else if let date = single(.ifModifiedSince, headers).flatMap({ ModificationDate($0, now: now) }),
            let modified
        {
            if modified <= date { return .notModified }
        }
        return .proceed(isRangeValid: isRangeValid(headers, now: now))
    }

    private func isMatch(_ lines: [String]) -> Bool {
        switch EntityTagCondition(lines) {
        case .any: true
        case .tags(let tags): etag.map { etag in tags.contains { $0.isSame(as: etag) } } ?? false
        }
    }

    private func isKnown(_ lines: [String]) -> Bool {
        switch EntityTagCondition(lines) {
        case .any: true
        case .tags(let tags): etag.map { etag in tags.contains { $0.isEquivalent(to: etag) } } ?? false
        }
    }

    /// `If-Range` (section 13.1.5): the same strong tag, or the very date of a change that is so long ago that a
    /// second one in the same second is out of the question (section 8.8.2.2).
    private func isRangeValid(_ headers: HTTPFields, now: ModificationDate) -> Bool {
        guard headers.contains(.ifRange) else { return true }
        guard let value = single(.ifRange, headers) else { return false }
        if let tag = EntityTag(value) { return etag.map { tag.isSame(as: $0) } ?? false }
        guard let date = ModificationDate(value, now: now), let modified else { return false }
        return date == modified && modified < now
    }

    /// The value of a field that has only one; `nil` if it is absent or comes twice.
    private func single(_ name: HTTPField.Name, _ headers: HTTPFields) -> String? {
        let lines = headers[values: name]
        return lines.count == 1 ? String(lines[0].trimmingBlanks()) : nil
    }
}
