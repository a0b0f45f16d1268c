import FPContractDriver
import FPPluginAPI

/// Keys that R6 allows and that trip careless plugins.
enum NameCases {
    static let all: [Case] =
        names.map { name in
            Case("names.\(name.id)", "a key with \(name.what) works and keeps its spelling", .rule(6)) { bench in
                try roundTrip(name.text, bench)
            }
        }
        + pairs.map { pair in
            Case("names.\(pair.id)", "\(pair.what) are two keys", .rule(6)) { bench in
                try distinct(pair.one, pair.other, bench)
            }
        } + lengths + confinement

    private static let names: [(id: String, what: String, text: String)] = [
        ("spaces", "spaces inside, before and after", " a  b "), ("dots", "dots", "...a..b..."),
        ("hidden", "a dot first", ".hidden/.also"), ("dash", "a dash first", "-rf"), ("tilde", "a tilde", "~/~root"),
        ("percent", "percent signs", "100%25/%2F%00%2e%2e"), ("plus", "plus and equals", "a+b=c&d"),
        ("question", "question and number signs", "what?#here"), ("quotes", "quotes", "'single'\"double\"`back`"),
        ("shell", "shell characters", "$(reboot);|&<>*![]{}"), ("url", "colons and at signs", "http:@host:80/x"),
        ("semicolon", "semicolons and commas", "a;v=1,b"), ("umlaut", "letters beyond ASCII", "Grüße/Ærø"),
        ("cjk", "ideographs", "文件/ファイル"), ("emoji", "characters beyond the first plane", "😀/👩‍👩‍👧"),
        ("right-to-left", "right-to-left letters", "שלום/مرحبا"),
        ("private-look-alike", "something like the plugin's own namespace", "x/.fp/y"),
        ("windows", "names that Windows keeps for itself", "CON/nul.txt/aux"),
        ("xml", "characters of XML", "a<b>&amp;]]>"),
        ("one-letter", "segments of one letter", "a/b/c"), ("digits", "digits only", "007/0"),
        ("part", "suffixes of half-done files", "x.part/y.tmp/z~"), ("caret", "a caret and a bar", "a^b|c"),
    ]

    private static let pairs: [(id: String, what: String, one: String, other: String)] = [
        ("case-differs", "keys that differ in case", "Photo.JPG", "photo.jpg"),
        ("space-differs", "keys that differ in a space at the end", "x", "x "),
        ("dot-differs", "keys that differ in a dot at the end", "x", "x."),
        ("escape-differs", "a slash and an escaped slash", "a/b", "a%2Fb"),
        ("plus-differs", "a space and a plus", "a b", "a+b"),
    ]

    private static let lengths: [Case] = [
        Case("names.longest-segment", "a segment of 255 bytes works", .rule(6)) { bench in
            let room = Int(try bench.caps.max_key_bytes) - bench.key("").utf8.count
            guard room >= 255 else { throw Inapplicable(reason: "max_key_bytes leaves no room for it") }
            try roundTrip(String(repeating: "n", count: 255), bench)
        },
        Case("names.longest-segment-wide", "a segment of 255 bytes of UTF-8 works", .rule(6)) { bench in
            let room = Int(try bench.caps.max_key_bytes) - bench.key("").utf8.count
            guard room >= 255 else { throw Inapplicable(reason: "max_key_bytes leaves no room for it") }
            try roundTrip(String(repeating: "ä", count: 127) + "x", bench)
        },
        Case("names.longest", "a key of max_key_bytes works", .slot("fp_caps.max_key_bytes")) { bench in
            let room = Int(try bench.caps.max_key_bytes) - bench.key("").utf8.count
            guard room >= 1 else { throw Inapplicable(reason: "max_key_bytes leaves no room for it") }
            // Segments of at most 200 bytes, with slashes between and none at the end.
            let characters = (0..<room).map { $0 % 200 == 199 && $0 != room - 1 ? "/" : "k" }
            try roundTrip(characters.joined(), bench)
        },
        Case("names.below-an-object", "a key below an object's key is taken or refused, and the object stays", .rule(6))
        { bench in
            let key = bench.key("a")
            let below = bench.key("a/b")
            try bench.put(key, [1, 2])
            do {
                try bench.put(below, [3])
                try bench.check(below, holds: [3])
            } catch let failure as Failure {
                try bench.check(failure.status / 100 == 1, "\(failure), where a status of class 1 was due")
            }
            try bench.check(key, holds: [1, 2])
        },
        Case("names.above-an-object", "a key above an object's key is taken or refused, and the object stays", .rule(6))
        { bench in
            let key = bench.key("a/b")
            let above = bench.key("a")
            try bench.put(key, [1, 2])
            do {
                try bench.put(above, [3])
                try bench.check(above, holds: [3])
            } catch let failure as Failure {
                try bench.check(failure.status / 100 == 1, "\(failure), where a status of class 1 was due")
            }
            try bench.check(key, holds: [1, 2])
        },
    ]

    private static let confinement: [Case] = [
        Case("names.escape", "a key never reaches beyond the store", .rule(6)) { bench in
            let up = String(repeating: "../", count: 12)
            for key in ["/etc/passwd", up + "etc/passwd", bench.key("x/") + up + "etc/passwd", "./../etc/passwd"] {
                do {
                    let found = try bench.store.stat(key)
                    throw Broken("stat of \"\(key)\" finds an object of \(found.size) bytes")
                } catch is Failure {}
                do {
                    try bench.store.open(key).close()
                    throw Broken("read_open of \"\(key)\" succeeds")
                } catch is Failure {}
            }
        }
    ]

    private static func roundTrip(_ name: String, _ bench: Bench) throws {
        let key = bench.key(name)
        let bytes = Array(name.utf8)
        try bench.put(key, bytes)
        try bench.check(key, holds: bytes)
        if try bench.has(FP_CAP_LIST) {
            let found = try bench.store.all(ListRequest(prefix: bench.key("")))
            try bench.check(
                found.contains { Array($0.key.utf8) == Array(key.utf8) },
                "list shows \(found.map(\.key)), where \"\(key)\" was due")
        }
        try bench.store.remove(key)
        try bench.settle { try bench.store.lookup(key) == nil }
        try bench.check(absent: key, "after remove")
    }

    private static func distinct(_ one: String, _ other: String, _ bench: Bench) throws {
        try bench.put(bench.key(one), [1])
        try bench.check(absent: bench.key(other), "under the other key")
        try bench.put(bench.key(other), [2, 2])
        try bench.check(bench.key(one), holds: [1])
        try bench.check(bench.key(other), holds: [2, 2])
        try bench.store.remove(bench.key(one))
        try bench.settle { try bench.store.lookup(bench.key(one)) == nil }
        try bench.check(bench.key(other), holds: [2, 2])
    }
}
