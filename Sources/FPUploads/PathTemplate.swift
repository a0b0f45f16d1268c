import FPFormats

/// A path with places to fill in, `{id}` and `{name}`: where an upload is stored as soon as it is whole.
public enum PathTemplate {
    /// Looks whether a template could ever be a path.
    /// - Throws: An ``UploadError`` of the kind ``UploadError/Kind/invalid`` that says why not.
    public static func check(_ template: String) throws(UploadError) {
        _ = try ObjectPath.key(path: try filled(template, id: UploadID.random(), name: "file"), name: "file")
    }

    /// The path for an upload. What a client calls a file never adds a part to the path: its name is made harmless first.
    static func filled(_ template: String, id: UploadID, name: String) throws(UploadError) -> String {
        var path = ""
        var rest = template[...]
        while let (before, behind) = rest.cut(at: "{") {
            guard let (place, after) = behind.cut(at: "}") else { throw unknown }
            path += before
            switch String(place) {
            case "id": path += id.description
            case "name": path += FileName.sanitised(name)
            default: throw unknown
            }
            rest = after
        }
        guard !rest.has("}") else { throw unknown }
        return path + rest
    }

    private static let unknown = UploadError(
        .invalid, "The path has braces that are neither {id} nor {name}.")
}
