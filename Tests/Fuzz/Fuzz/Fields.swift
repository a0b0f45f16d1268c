import FPFormats
import FPHTTP
import HTTPTypes
import RemoteNames

extension FuzzTarget {
    /// The lines of header fields: ranges, conditions, dates, tags, digests, and names of files.
    static let fields = FuzzTarget("fields") { input in
        let text = String(decoding: input, as: UTF8.self)
        let lines = text.split(separator: "\n").map(String.init)
        range(lines)
        conditions(lines)
        digests(lines)
        for line in lines {
            date(line)
            if let tag = EntityTag(line) { require(EntityTag(tag.description) == tag, "another tag: \(line)") }
            fileName(line)
        }
        _ = remoteFileName(inContentDisposition: input)
    }

    private static func range(_ lines: [String]) {
        for size in [0, 1, 100, UInt64.max] {
            guard case .part(let bytes) = ByteRange(lines, size: size) else { continue }
            require(!bytes.isEmpty && bytes.upperBound <= size, "a range outside of the file: \(bytes) of \(size)")
        }
    }

    private static func conditions(_ lines: [String]) {
        let names: [HTTPField.Name] = [.ifMatch, .ifNoneMatch, .ifModifiedSince, .ifUnmodifiedSince, .ifRange]
        var fields: HTTPFields = [:]
        for (index, line) in lines.enumerated() where HTTPField.isValidValue(line) {
            fields.append(HTTPField(name: names[index % names.count], value: line))
        }
        let now = ModificationDate(seconds: 1_800_000_000)
        let validators = Validators(etag: EntityTag(opaque: "x"), modified: ModificationDate(seconds: 1_700_000_000))
        let result = validators.evaluate(fields, now: now)
        if fields[values: .ifNoneMatch].contains("*"), fields[values: .ifMatch].isEmpty,
            fields[values: .ifUnmodifiedSince].isEmpty, fields[values: .ifNoneMatch].count == 1
        {
            require(result == .notModified, "what exists is sent although it must not exist")
        }
    }

    private static func digests(_ lines: [String]) {
        if let set = try? DigestSet(field: lines) {
            require((try? DigestSet(field: [set.description])) == set, "other digests when written anew: \(lines)")
            require(set.kinds.allSatisfy { set[$0]?.count == $0.length }, "no digest: \(lines)")
        }
        if let wishes = try? DigestWishes(field: lines) {
            require(Set(wishes.kinds).count == wishes.kinds.count, "wanted twice: \(lines)")
        }
        for line in lines {
            _ = try? DigestSet(contentMD5: line)
            _ = try? DigestSet(uploadChecksum: line)
            guard let set = try? DigestSet(formField: line) else { continue }
            require((try? DigestSet(formField: set.description)) == set, "other digests when written anew: \(line)")
        }
    }

    private static func date(_ line: String) {
        guard let seconds = HTTPDate.parse(line, now: 1_800_000_000) else { return }
        let text = HTTPDate.text(secondsSince1970: seconds)
        require(HTTPDate.parse(text, now: 0) == seconds, "another date when written anew: \(line)")
    }

    /// A name that goes out comes back, and does nothing else to the answer's head.
    private static func fileName(_ line: String) {
        let field = ContentDisposition.attachment(name: line)
        require(field.utf8.allSatisfy { (0x20...0x7E).contains($0) }, "not printable: \(field)")
        guard let name = FileName.cleaned(line) else { return }
        let sent = ContentDisposition.attachment(name: name)
        let read = remoteFileName(inContentDisposition: Array(sent.utf8))
        require(read?.utf8.elementsEqual(name.utf8) == true, "\(name) came back as \(read ?? "nothing")")
    }
}
