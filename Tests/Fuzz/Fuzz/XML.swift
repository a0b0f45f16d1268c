import S3XML

extension FuzzTarget {
    /// What an S3 service answers: any document is read or refused, and text that the plugin writes is read as the same.
    static let xml = FuzzTarget("xml") { input in
        _ = XMLDocument(input)
        guard let text = String(validating: input, as: UTF8.self) else { return }
        let written = "<a><b>\(XMLDocument.escaped(text))</b></a>"
        let read = XMLDocument(Array(written.utf8))?.text(of: "b")
        require(read?.utf8.elementsEqual(text.utf8) == true, "another text: \(read ?? "none")")
    }
}
