import Glibc

/// The time so many seconds from now, as requests and as replies write it.
func clockTexts(_ offset: Int) -> (basic: String, http: String) {
    var moment = time(nil) + offset
    var parts = tm()
    gmtime_r(&moment, &parts)
    func text(_ format: String) -> String {
        var buffer = [CChar](repeating: 0, count: 64)
        let count = strftime(&buffer, buffer.count, format, &parts)
        return String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
    return (text("%Y%m%dT%H%M%SZ"), text("%a, %d %b %Y %H:%M:%S GMT"))
}
