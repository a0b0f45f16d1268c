import HTTPTypes
import Testing

@testable import FPHTTP

@Suite("Preconditions")
struct PreconditionTests {
    struct Row: CustomTestStringConvertible, Sendable {
        let headers: HTTPFields
        let result: PreconditionResult

        init(_ headers: HTTPFields, _ result: PreconditionResult) {
            self.headers = headers
            self.result = result
        }

        var testDescription: String { headers.map(\.description).joined(separator: ", ") }
    }

    private static let changed = ModificationDate(seconds: 784_111_777)
    private static let date = "Sun, 06 Nov 1994 08:49:37 GMT"
    private static let before = "Sun, 06 Nov 1994 08:49:36 GMT"
    private static let after = "Sun, 06 Nov 1994 08:49:38 GMT"
    private static let go = PreconditionResult.proceed(isRangeValid: true)
    private static let whole = PreconditionResult.proceed(isRangeValid: false)

    private func evaluate(
        _ headers: HTTPFields, etag: String? = "v1", modified: ModificationDate? = Self.changed, later: Int64 = 100
    ) -> PreconditionResult {
        let validators = Validators(etag: etag.flatMap(EntityTag.init(opaque:)), modified: modified)
        return validators.evaluate(headers, now: ModificationDate(seconds: Self.changed.seconds + later))
    }

    @Test(
        "the fields are evaluated in the order of RFC 9110, section 13.2.2",
        arguments: [
            Row([:], go),
            Row([.ifMatch: "\"v1\""], go),
            Row([.ifMatch: "\"v0\", \"v1\""], go),
            Row([.ifMatch: "*"], go),
            Row([.ifMatch: "\"v0\""], .failed),
            Row([.ifMatch: "W/\"v1\""], .failed),
            Row([.ifMatch: ""], .failed),
            Row([.ifMatch: "\"v1\"", .ifUnmodifiedSince: before], go),
            Row([.ifUnmodifiedSince: date], go),
            Row([.ifUnmodifiedSince: after], go),
            Row([.ifUnmodifiedSince: before], .failed),
            Row([.ifUnmodifiedSince: "yesterday"], go),
            Row([.ifNoneMatch: "\"v1\""], .notModified),
            Row([.ifNoneMatch: "W/\"v1\""], .notModified),
            Row([.ifNoneMatch: "\"v0\",,W/\"v1\""], .notModified),
            Row([.ifNoneMatch: "*"], .notModified),
            Row([.ifNoneMatch: "\"v0\""], go),
            Row([.ifNoneMatch: "v1"], go),
            Row([.ifNoneMatch: "\"v0\"", .ifModifiedSince: after], go),
            Row([.ifModifiedSince: date], .notModified),
            Row([.ifModifiedSince: after], .notModified),
            Row([.ifModifiedSince: before], go),
            Row([.ifModifiedSince: "never"], go),
            Row([.ifMatch: "\"v0\"", .ifNoneMatch: "\"v1\""], .failed),
            Row([.ifRange: "\"v1\""], go),
            Row([.ifRange: "W/\"v1\""], whole),
            Row([.ifRange: "\"v0\""], whole),
            Row([.ifRange: date], go),
            Row([.ifRange: before], whole),
            Row([.ifRange: after], whole),
            Row([.ifRange: "junk"], whole),
        ])
    func order(_ row: Row) {
        #expect(evaluate(row.headers) == row.result)
    }

    @Test("tags are lists over several lines")
    func lines() {
        #expect(evaluate([.ifNoneMatch: "\"a\"", .ifNoneMatch: "\"v1\""]) == .notModified)
        #expect(evaluate([.ifMatch: "\"a\"", .ifMatch: "\"b\""]) == .failed)
    }

    @Test("a file without a tag or a date matches no tag and no date, but any")
    func withoutValidators() {
        #expect(evaluate([.ifMatch: "\"v1\""], etag: nil) == .failed)
        #expect(evaluate([.ifMatch: "*"], etag: nil) == Self.go)
        #expect(evaluate([.ifNoneMatch: "\"v1\""], etag: nil) == Self.go)
        #expect(evaluate([.ifRange: "\"v1\""], etag: nil) == Self.whole)
        #expect(evaluate([.ifModifiedSince: Self.after], modified: nil) == Self.go)
        #expect(evaluate([.ifUnmodifiedSince: Self.before], modified: nil) == Self.go)
        #expect(evaluate([.ifRange: Self.date], modified: nil) == Self.whole)
    }

    @Test("a date is no strong validator in the second of the change")
    func youngDate() {
        #expect(evaluate([.ifRange: Self.date], later: 0) == Self.whole)
        #expect(evaluate([.ifRange: Self.date], later: 1) == Self.go)
    }

    @Test("a version that no tag can hold makes no tag", arguments: ["a\"b", "a b", "a\n"])
    func unfitVersion(_ version: String) {
        #expect(EntityTag(opaque: version) == nil)
    }
}
