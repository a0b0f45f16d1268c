import FPFormats

/// The name that a remote file goes by, made safe to show and to use as the last part of a path.
enum RemoteName {
    /// From `Content-Disposition` (RFC 6266), else from the last segment of the URL's path.
    static func suggested(contentDisposition: [UInt8]?, url: RemoteURL) -> String? {
        contentDisposition.flatMap(ContentDisposition.fileName).flatMap(name) ?? name(text(url.lastSegment))
    }

    /// A text that ends in a slash names a directory, and no file.
    private static func name(_ text: String) -> String? {
        text.ends(with: "/") || text.ends(with: "\\") ? nil : FileName.cleaned(text)
    }

    /// Bytes as UTF-8 if they are, else as Latin-1, which is what HTTP fields were once said to hold.
    static func text(_ bytes: some Sequence<UInt8>) -> String {
        let bytes = Array(bytes)
        return String(validating: bytes, as: UTF8.self) ?? latin1(bytes)
    }

    static func latin1(_ bytes: some Sequence<UInt8>) -> String {
        String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }
}
