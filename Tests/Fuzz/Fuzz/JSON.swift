import FPFormats

extension FuzzTarget {
    /// A value that is read is written as one that is read as the same; and what makes a tree of a text and what only
    /// looks through it take the same texts.
    static let json = FuzzTarget("json") { input in
        let tree: JSON?
        do throws(JSONError) {
            tree = try JSON(parsing: input)
        } catch {
            // Only trees have a limit of their own.
            if error.kind == .tooMuch { return }
            tree = nil
        }
        if let tree {
            let text = tree.text
            let again = try? JSON(parsing: text.utf8)
            require(again?.text.utf8.elementsEqual(text.utf8) == true, "written otherwise than read: \(text)")
        }
        guard let text = String(validating: input, as: UTF8.self) else {
            return require(tree == nil, "a JSON that is not UTF-8 is taken")
        }
        let scanned = try? JSONText(text)
        require((scanned != nil) == (tree != nil), "a text is JSON for one reader only")
        if case .object? = tree { require(scanned?.isObject == true, "an object is none") }
    }
}
