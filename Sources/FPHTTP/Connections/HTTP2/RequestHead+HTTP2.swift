import FPFormats
import HTTPTypes
import NIOHPACK
import NIOHTTP1

extension RequestHead {
    /// The head that a stream begins with (RFC 9113, section 8.3.1), which the library has checked for fields that must not
    /// be there.
    ///
    /// - Parameters:
    ///   - headers: The fields, pseudo-header fields first.
    ///   - endsRequest: Whether the request has no body.
    /// - Returns: nil if it is malformed.
    init?(_ headers: HPACKHeaders, endsRequest: Bool) {
        var fields = HTTPFields()
        fields.reserveCapacity(headers.count)
        var pseudo: [String: String] = [:]
        var cookies: [String] = []
        for (name, value, _) in headers {
            if name.utf8.first == UInt8(ascii: ":") {
                pseudo[name] = value
            } else if name == "cookie" {
                cookies.append(value)
            } else if let name = HTTPField.Name(name), HTTPField.isValidValue(value) {
                fields.append(HTTPField(name: name, value: value))
            } else {
                return nil
            }
        }
        guard let method = pseudo[":method"].flatMap({ HTTPRequest.Method($0) }),
            let target = pseudo[":path"] ?? (method == .connect ? pseudo[":authority"] : nil),
            target.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F })
        else { return nil }
        // Both may be there. If they differ there are two, which is refused as it is in HTTP/1.
        if let authority = pseudo[":authority"], fields[values: .hostField].first != authority {
            fields.append(HTTPField(name: .hostField, value: authority))
        }
        // One field again, as everybody but HTTP/2 knows it (section 8.2.3).
        if !cookies.isEmpty {
            fields.append(HTTPField(name: .cookie, value: cookies.joined(separator: "; ")))
        }
        self.init(
            method: method, target: target, version: HTTPVersion(major: 2, minor: 0), fields: fields, keepsAlive: true,
            endsRequest: endsRequest)
    }
}
