/// What a rule about files names: a media type, all types of a kind, or an extension.
public enum TypePattern: Sendable, Hashable, CustomStringConvertible {
    /// One media type, as in `application/pdf`, under the name that ``MediaTypeName`` gives it.
    case type(String)
    /// All media types that begin with this and a slash, as in `image/*`.
    case group(String)
    /// An extension in small letters, without its dot.
    case ending(String)

    /// Reads `image/*`, `application/pdf` or `.exe`. A type that no extension and no content is known for is refused: a
    /// rule about it would never hold.
    public static func parse(_ text: String) -> Result<TypePattern, Complaint> {
        if let ending = text.without(prefix: ".") {
            let found = FileExtension.all(in: text)
            guard found.count == 1, found[0].isSame(as: ending.asciiLowercased()) else {
                return .failure(Complaint("is no extension such as .exe: one dot, then letters, digits, _, - or +"))
            }
            return .success(.ending(found[0]))
        }
        let lower = text.asciiLowercased()
        if let group = lower.without(suffix: "/*") {
            guard FileExtension.knownTypes.contains(where: { $0.begins(with: group + "/") }) else {
                return .failure(Complaint("is no kind of media type that is known here, such as image/*"))
            }
            return .success(.group(String(group)))
        }
        guard let type = MediaTypeName.parse(lower), !lower.has(";") else {
            return .failure(
                Complaint("is no media type such as image/* or application/pdf, and no extension such as .exe"))
        }
        guard FileExtension.knownTypes.contains(type) else {
            return .failure(
                Complaint("is not a media type that is known here; name the extensions of such files instead"))
        }
        return .success(.type(type))
    }

    /// Whether a media type is the one, or one of those, that are named.
    public func holds(type: String) -> Bool {
        switch self {
        case .type(let name): name.isSame(as: type)
        case .group(let name): type.begins(with: name + "/")
        case .ending: false
        }
    }

    /// Whether an extension is the one that is named.
    public func holds(ending: String) -> Bool {
        if case .ending(let name) = self { name.isSame(as: ending) } else { false }
    }

    /// As it is written in the settings.
    public var description: String {
        switch self {
        case .type(let name): name
        case .group(let name): name + "/*"
        case .ending(let name): "." + name
        }
    }
}
