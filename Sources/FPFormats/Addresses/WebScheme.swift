/// The schemes of the web's URLs (RFC 9110 section 4.2).
public enum WebScheme: String, Sendable, Hashable, CaseIterable {
    /// In the clear.
    case http
    /// Over TLS.
    case https

    /// The port that a URL of the scheme means if it names none.
    public var port: UInt16 {
        switch self {
        case .http: 80
        case .https: 443
        }
    }

    /// Reads a scheme as a setting writes it.
    public static func parse(_ text: String) -> Result<WebScheme, Complaint> {
        WebScheme(rawValue: text).map { .success($0) }
            ?? .failure(Complaint("must be \(alternatives(allCases.map(\.rawValue)))"))
    }
}
