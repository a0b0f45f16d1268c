import FPFormats

extension ValueReader {
    /// A text as the type that the key wants, or nil after a complaint about the `subject`.
    func convert(
        _ text: Text,
        as option: OptionSchema,
        subject: String,
        at position: ConfigPosition
    ) -> CheckedNode? {
        var node = CheckedNode(type: .scalar, text: text.value, isSecret: text.isSecret, position: position)
        node.reference = text.reference
        switch value(text.value, as: option) {
        case .success(let value):
            (node.text, node.i64, node.f64) = (value.text, value.i64, value.f64)
            return node
        case .failure(let complaint):
            // The complaint quotes the value, which must not happen to a secret.
            let sentence = text.isSecret ? "must be \(option.expectation); the value is not shown" : complaint.text
            problems.error(at: position, "\(subject) \(sentence)")
            return nil
        }
    }

    /// What a text stands for. Only where a path leads is for the file to say.
    private func value(_ text: String, as option: OptionSchema) -> Result<OptionValue, Complaint> {
        guard option.type == .path else { return option.value(of: text) }
        return source.absolutePath(text).map { OptionValue(text: $0) }
    }
}

extension CheckedNode {
    /// Takes the node's places away: a default stands nowhere in the file.
    mutating func markDefaulted() {
        isDefaulted = true
        position = nil
        for index in children.indices {
            children[index].markDefaulted()
        }
    }
}
