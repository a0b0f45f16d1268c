import FPFormats
import Testing

@Suite struct `The nearest name` {
    private let names = ["location", "max_size", "tls", "Memory", "S3Store"]

    @Test(arguments: [
        ("locatoin", "location"), ("Location", "location"), ("max-size", "max_size"), ("tsl", "tls"),
        ("Memroy", "Memory"), ("s3store", "S3Store"), ("loca", "location"),
    ])
    func `is what a typing mistake, another case or an abbreviation means`(name: String, meant: String) {
        #expect(NearestName.match(name, among: names) == meant)
    }

    @Test(arguments: ["", "zzz", "bucket", "x", String(repeating: "location", count: 100)])
    func `is nothing for a name that is like none`(name: String) {
        #expect(NearestName.match(name, among: names) == nil)
    }
}
