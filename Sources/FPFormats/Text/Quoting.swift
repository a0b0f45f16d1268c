/// The text between double quotes for a message: short, and on one line whatever it holds.
public func quoted(_ text: String) -> String {
    let limit = 60
    let isShort = text.unicodeScalars.count <= limit
    let shown = isShort ? text : String(String.UnicodeScalarView(text.unicodeScalars.prefix(limit))) + "…"
    let escaped = shown.utf8.flatMap { $0 == UInt8(ascii: "\"") ? Array("\\\"".utf8) : [$0] }
    return "\"" + visible(String(decoding: escaped, as: UTF8.self)) + "\""
}

/// The text on one line, with escapes for what a terminal would obey instead of showing it.
public func visible(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isInvisible) else { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\n": result.append(contentsOf: "\\n".unicodeScalars)
        case "\t": result.append(contentsOf: "\\t".unicodeScalars)
        case _ where isInvisible(scalar):
            result.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
        default: result.append(scalar)
        }
    }
    return String(result)
}

/// Control and formatting characters: in a terminal they would hide or reorder what the message shows.
private func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: true
    default: false
    }
}

/// `a`, `a or b`, `a, b or c`.
public func alternatives(_ names: [String]) -> String {
    guard let last = names.last, names.count > 1 else { return names.first ?? "" }
    return names.dropLast().joined(separator: ", ") + " or " + last
}
