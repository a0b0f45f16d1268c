import CCurl
import Glibc

/// Names of hosts beyond ASCII.
package enum InternationalName {
    /// The A-label form of a name (RFC 5891), by the IDNA 2008 that libcurl itself uses; nil if it has none.
    package static func asciiForm(of name: String) -> String? {
        guard !name.utf8.contains(0) else { return nil }
        // libidn2 takes its input to be in the locale's charset, and a server runs in the C locale. Setting a
        // locale for the calling thread alone leaves the rest of the process as it is.
        guard let utf8 = newlocale(CInt(1 << LC_CTYPE), "C.UTF-8", nil) else { return nil }
        let before = uselocale(utf8)
        defer {
            uselocale(before)
            freelocale(utf8)
        }
        guard let url = curl_url() else { return nil }
        defer { curl_url_cleanup(url) }
        guard curl_url_set(url, CURLUPART_HOST, name, 0) == CURLUE_OK else { return nil }
        var ascii: UnsafeMutablePointer<CChar>?
        guard curl_url_get(url, CURLUPART_HOST, &ascii, UInt32(CURLU_PUNYCODE)) == CURLUE_OK, let ascii else {
            return nil
        }
        defer { curl_free(ascii) }
        return String(cString: ascii)
    }
}
