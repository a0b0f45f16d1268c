import FPFormats

/// What the first bytes of a file say of it.
struct FileContent {
    /// The most bytes from the start of a file that are looked at.
    static let headLength = 4096
    /// How far into a file readers of PDF look for its header (ISO 32000-1, annex H.3.4.1).
    private static let reachOfPDF = 1024

    /// The type that the bytes prove; `nil` where no bytes do.
    let type: String?
    /// Other types that a program finds in the file if it is told to look for them.
    let hidden: [String]
    /// Whether it can be a text.
    let isText: Bool

    init(_ head: [UInt8]) {
        let proven = Self.binary(head)
        type = proven ?? Markup.type(head)
        var hidden = proven == nil ? [] : Markup.hidden(in: head)
        if !head.starts(with: "%PDF-".utf8), Self.hasPDF(head.prefix(Self.reachOfPDF)) {
            hidden.append("application/pdf")
        }
        self.hidden = hidden
        isText = PlainText.holds(head)
    }

    /// The type that no text has and that the bytes prove.
    static func binary(_ head: [UInt8]) -> String? {
        if let type = Container.byBrands(head) ?? Container.byDocType(head) { return type }
        guard let type = Signature.all.first(where: { $0.matches(head) })?.type else { return nil }
        return type.isSame(as: "application/zip") ? ZipHead.type(head) ?? type : type
    }

    private static func hasPDF(_ head: ArraySlice<UInt8>) -> Bool {
        head.indices.contains { head[$0] == UInt8(ascii: "%") && head[$0...].starts(with: "%PDF-".utf8) }
    }
}
