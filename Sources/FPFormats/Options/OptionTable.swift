/// What is wrong with a table of keys itself, whatever the values.
extension OptionSchema {
    /// What is wrong with the row, as the end of a sentence that begins with its key; nil if nothing is.
    /// - Parameter knowsAllTypes: Whether a type that is not known here is a mistake, as it is unless the table is made
    ///   for a newer host.
    public func defect(knowsAllTypes: Bool) -> String? {
        if !key.parts(at: ".").allSatisfy(Self.isName) {
            return "has a key that is not made of letters, digits, '_' and '-' with dots between"
        }
        if case .unknown(let number) = type, knowsAllTypes {
            return
                "has type \(number), where FP_T_STRING (1) to FP_T_STRING_MAP (\(ValueType.known.count)) are expected"
        }
        if type == .choice, choices.isEmpty { return "is an FP_T_ENUM without choices" }
        if let (min, max) = bounds, min > max { return "has a least value, \(min), above its greatest, \(max)" }
        if isRequired, defaultText != nil { return "is required and yet has a default" }
        if let defaultText, case .failure(let complaint) = value(of: defaultText) {
            return "has the default \(quoted(defaultText)), which it does not take: it \(complaint.text)"
        }
        return nil
    }

    /// Why two rows cannot be in one table, as a sentence about "it"; nil if they can.
    public func conflict(with other: OptionSchema) -> String? {
        if key.isSame(as: other.key) { return "its option \"\(key)\" is there twice, where each key is to be unique" }
        if other.key.begins(with: key + ".") || key.begins(with: other.key + ".") {
            return "its options \"\(other.key)\" and \"\(key)\" cannot both exist: one lies in the other"
        }
        return nil
    }

    private static func isName(_ segment: Substring) -> Bool {
        !segment.isEmpty && segment.utf8.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || "_-".utf8.contains($0) }
    }
}
