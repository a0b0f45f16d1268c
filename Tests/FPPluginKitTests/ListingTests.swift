import FPPluginAPI
import FPPluginKit
import Testing

@Suite("FPPluginKit: lists")
struct ListingTests {
    @Test("A cursor holds the name that a page ended with, and a foreign one is refused")
    func cursors() throws {
        #expect(ListCursor(after: "a/é".utf8).bytes == [1] + Array("a/é".utf8))
        #expect(try ListCursor([1] + Array("a/é".utf8)).name == Array("a/é".utf8))
        #expect(try ListCursor(nil).name.isEmpty)
        for foreign in [[], [2], [0, 1]] as [[UInt8]] {
            #expect(code { () throws(PluginError) in _ = try ListCursor(foreign) } == .invalid)
        }
    }

    @Test("A page starts after its cursor or after start_after, whichever is later by its bytes")
    func start() throws {
        func start(_ cursor: String?, _ startAfter: String) throws -> String {
            String(decoding: try request(cursor: cursor, startAfter: startAfter).start(), as: UTF8.self)
        }
        #expect(try start(nil, "") == "")
        #expect(try start(nil, "b") == "b")
        #expect(try start("a", "b") == "b")
        #expect(try start("b", "a") == "b")
        #expect(try start("z", "é") == "é")
        #expect(try start("b", "") == "b")
    }

    @Test("Of any number of names the smallest are kept, with what is known of them")
    func smallest() {
        var names = SmallestNames<Int>(limit: 10)
        for number in (0..<5000).shuffled() { names.insert([UInt8(number >> 8), UInt8(number & 255)], number) }
        let kept = names.sorted()
        #expect(kept.map(\.item) == Array(0..<10))
        #expect(kept.map { Int($0.name[0]) << 8 | Int($0.name[1]) } == Array(0..<10))
        var few = SmallestNames<Void>(limit: 10)
        few.insert([2], ())
        few.insert([1], ())
        #expect(few.sorted().map(\.name) == [[1], [2]])
    }

    static let keys = [
        "a", "a.b", "a-b", "a/b", "a/b.c", "a/b/c", "a/b/d", "a0", "b", "b/a/a/a", "b/é", "b/e\u{301}", "c/x", "写真/1",
    ]

    @Test(
        "Pages of any size hold all keys in the order of their bytes, with a prefix and from a start", arguments: 1...6)
    func pages(size: Int) throws {
        let sorted = Self.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        for prefix in ["", "a", "a/", "a/b", "a/b/", "b/", "c/x", "d/", "写"] {
            for start in ["", "a", "a/b", "a/b/c", "a/b/cc", "b", "z"] {
                let wanted = sorted.filter {
                    $0.utf8.starts(with: prefix.utf8) && start.utf8.lexicographicallyPrecedes($0.utf8)
                }
                let tree = FakeTree(Self.keys)
                #expect(
                    try list(tree, prefix: prefix, startAfter: start, size: size).elementsEqual(wanted) {
                        $0.utf8.elementsEqual($1.utf8)
                    }, "prefix \"\(prefix)\", after \"\(start)\"")
            }
        }
    }

    @Test("What is no object, or could not be asked for, is left out")
    func leftOut() throws {
        let tree = FakeTree(["a", "gone", ".fp/w/1", "back\\slash", "dir/x"])
        tree.others = ["link"]
        tree.gone = ["gone"]
        tree.closed = ["dir"]
        #expect(try list(tree, size: 2) == ["a"])
        #expect(try list(tree, prefix: ".fp/", size: 2) == [])
        #expect(try list(tree, prefix: "../", size: 2) == [])
    }

    @Test("The tree hears of directories without a name in them, and of no others")
    func empty() throws {
        let tree = FakeTree(["a/b"])
        tree.empty = ["e"]
        #expect(try list(tree, size: 10) == ["a/b"])
        #expect(tree.foundEmpty == ["e"])
    }

    @Test("A walk ends with its call")
    func cancelled() throws {
        var walk = try ObjectWalk(FakeTree(["a"]), request())
        let found = code { () throws(PluginError) in
            try HostCall(isOver: true).perform { (call) throws(PluginError) in
                _ = try walk.page(call) { _ in true }
            }
        }
        #expect(found == .cancelled)
        #expect(walk.hasFoundNone)
    }

    private func request(
        prefix: String = "", cursor: String? = nil, startAfter: String = "", size: Int = 10
    ) throws -> ListRequest {
        let cursor = cursor.map { ListCursor(after: $0.utf8).bytes } ?? []
        var request = fp_list_req()
        request.max_entries = UInt32(size)
        return try lend(Array(prefix.utf8)) { prefix in
            try lend(cursor) { cursor in
                try lend(Array(startAfter.utf8)) { startAfter in
                    (request.prefix, request.cursor, request.start_after) = (prefix, cursor, startAfter)
                    return try ListRequest(request, of: "list")
                }
            }
        }
    }

    private func lend<Result>(_ bytes: [UInt8], _ body: (fp_str) throws -> Result) rethrows -> Result {
        try bytes.withUnsafeBytes {
            try body(fp_str(ptr: $0.baseAddress?.assumingMemoryBound(to: CChar.self), len: $0.count))
        }
    }

    /// All keys, page by page.
    private func list(
        _ tree: FakeTree, prefix: String = "", startAfter: String = "", size: Int
    ) throws -> [String] {
        var keys: [String] = []
        var cursor: String?
        while true {
            var count = 0
            var walk = try ObjectWalk(
                tree, request(prefix: prefix, cursor: cursor, startAfter: startAfter, size: size))
            let next = try HostCall().perform { (call) throws(PluginError) in
                try walk.page(call) {
                    keys.append($0.key)
                    count += 1
                    return count < size
                }
            }
            guard let next else { return keys }
            cursor = String(decoding: try ListCursor(next).name, as: UTF8.self)
        }
    }
}

/// Directories made of keys.
private final class FakeTree: ObjectTree {
    private let keys: [[UInt8]]
    var others: [String] = []
    var gone: Set<String> = []
    var closed: Set<String> = []
    var empty: [String] = []
    private(set) var foundEmpty: [String] = []

    init(_ keys: [String]) { self.keys = keys.map { Array($0.utf8) } }

    func collect(
        _ names: inout DirectoryNames<String>, of directory: String, _ call: borrowing Call
    ) -> Bool {
        if closed.contains(directory) { return false }
        let start = directory.isEmpty ? [] : Array("\(directory)/".utf8)
        var known: Set<[UInt8]> = []
        for key in keys.shuffled() where key.starts(with: start) {
            let rest = key.dropFirst(start.count)
            let name = Array(rest.prefix { $0 != UInt8(ascii: "/") })
            guard known.insert(name + (name.count < rest.count ? [0] : [])).inserted else { continue }
            names.add(name, name.count < rest.count ? .directory : .file, "item")
        }
        if directory.isEmpty {
            for name in others { names.add(Array(name.utf8), .other, "item") }
            for name in empty { names.add(Array(name.utf8), .directory, "item") }
        }
        return !known.isEmpty || directory.isEmpty || empty.contains(directory)
    }

    func entry(
        _ key: String, _ name: String, in directory: String, _ item: String, _ call: borrowing Call
    ) -> ListEntry? {
        let isWhole = key.utf8.elementsEqual((directory.isEmpty ? name : "\(directory)/\(name)").utf8)
        return isWhole && item == "item" && !gone.contains(key) ? ListEntry(key: key, size: 1) : nil
    }

    func foundEmpty(_ directory: String, _ item: String?) { foundEmpty.append(directory) }
}
