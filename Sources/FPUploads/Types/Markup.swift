import FPFormats

/// What a browser, or an interpreter, would see in a file that is text (WHATWG MIME Sniffing, section 7.1).
enum Markup {
    /// The type of the markup or script that a file begins with; `nil` if it begins with neither.
    static func type(_ head: [UInt8]) -> String? {
        let text = PlainText.narrowed(head)
        if text.starts(with: "#!".utf8) { return "text/x-shellscript" }
        var rest = text.drop(while: isSpace)
        guard rest.first == UInt8(ascii: "<") else { return nil }
        if begins(rest, with: "<?php") || rest.starts(with: "<?=".utf8) { return "application/x-httpd-php" }
        let isXML = begins(rest, with: "<?xml")
        let isHTML = tags.contains { begins(rest, withTag: $0) }
        // The root element says more than what may come before it.
        while true {
            if begins(rest, with: "<?") {
                rest = behind("?>", in: rest)
            } else if begins(rest, with: "<!--") {
                rest = behind("-->", in: rest)
            } else if begins(rest, with: "<!doctype") {
                if begins(rest, with: "<!doctype svg") { return "image/svg+xml" }
                if begins(rest, with: "<!doctype html") { return "text/html" }
                // It may hold declarations between brackets.
                let end = rest.firstIndex { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: ">") }
                let hasSubset = end.map { rest[$0] == UInt8(ascii: "[") } ?? false
                rest = behind(hasSubset ? "]>" : ">", in: rest)
            } else {
                break
            }
            rest = rest.drop(while: isSpace)
        }
        if begins(rest, with: "<svg") || begins(rest, with: "<svg:") { return "image/svg+xml" }
        if isHTML || tags.contains(where: { begins(rest, withTag: $0) }) { return "text/html" }
        return isXML ? "application/xml" : nil
    }

    /// What is in the beginning of a file of another type, where a browser or an interpreter that is told so would find
    /// it: after other bytes, such as in the comment of a picture.
    static func hidden(in head: [UInt8]) -> [String] {
        var found: [String] = []
        for place in head.indices where head[place] == UInt8(ascii: "<") {
            let rest = head[place...]
            if begins(rest, with: "<?php") { found.append("application/x-httpd-php") }
            if begins(rest, with: "<script") || begins(rest, withTag: "<html") || begins(rest, with: "<!doctype html") {
                found.append("text/html")
            }
        }
        return found
    }

    /// The tags of section 7.1's table.
    private static let tags = [
        "<html", "<head", "<script", "<iframe", "<h1", "<div", "<font", "<table", "<a", "<style", "<title", "<b",
        "<body", "<br", "<p", "<!--",
    ]

    private static func begins(_ bytes: ArraySlice<UInt8>, withTag tag: String) -> Bool {
        guard begins(bytes, with: tag) else { return false }
        // A comment needs nothing behind it for a browser to see one.
        guard let next = bytes.dropFirst(tag.utf8.count).first else { return true }
        return isSpace(next) || next == UInt8(ascii: ">") || next == UInt8(ascii: "/") || tag.isSame(as: "<!--")
    }

    /// Whether the bytes are those of a text in small letters, in whatever letters.
    private static func begins(_ bytes: ArraySlice<UInt8>, with text: String) -> Bool {
        var place = bytes.startIndex
        for wanted in text.utf8 {
            guard place < bytes.endIndex else { return false }
            let byte = bytes[place]
            guard byte == wanted || (wanted.isASCIILetter && byte | 0x20 == wanted) else { return false }
            place += 1
        }
        return true
    }

    private static func behind(_ text: String, in bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = bytes
        while !rest.isEmpty {
            if rest.starts(with: text.utf8) { return rest.dropFirst(text.utf8.count) }
            rest = rest.dropFirst()
        }
        return rest
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || [0x09, 0x0A, 0x0C, 0x0D].contains(byte) }
}

/// What is text and what is not (WHATWG MIME Sniffing, sections 3 and 7.2).
enum PlainText {
    private static let marks: [[UInt8]] = [[0xFE, 0xFF], [0xFF, 0xFE], [0xEF, 0xBB, 0xBF]]

    /// Whether a file that begins so is text, in one of Unicode's encodings or in one that ASCII is a part of.
    static func holds(_ head: [UInt8]) -> Bool {
        marks.contains { head.starts(with: $0) } || !hasBinaryByte(head[...])
    }

    /// Whether there is a byte that no text has.
    static func hasBinaryByte(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.contains { $0 <= 0x08 || $0 == 0x0B || (0x0E...0x1A).contains($0) || (0x1C...0x1F).contains($0) }
    }

    /// The text without its byte order mark; one in UTF-16 as far as it is ASCII.
    static func narrowed(_ head: [UInt8]) -> ArraySlice<UInt8> {
        guard let mark = marks.first(where: { head.starts(with: $0) }) else { return head[...] }
        return mark.count == 3 ? head.dropFirst(3) : ArraySlice(head.dropFirst(2).filter { $0 != 0 })
    }
}
