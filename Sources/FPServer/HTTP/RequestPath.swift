/// A request's path in segments, each percent-decoded once and checked.
///
/// What is refused with a 400: a path that is not absolute, a broken percent-encoding, bytes that are not UTF-8,
/// control characters however they are written, and the segments `.` and `..` (RFC 3986, section 3.3), also when
/// percent-encoded. What stays as it is: empty segments (`//` is not `/`), and a slash that came as `%2F`, which is
/// part of its segment and separates nothing.
public struct RequestPath: Sendable, Equatable, CustomStringConvertible {
    /// The segments after the first slash: `/fp/` has two, the second of them empty. `*` (of `OPTIONS *`) has none.
    public let segments: [String]

    /// The decoded path, for messages and simple comparisons; segments joined by slashes.
    public let description: String
}
