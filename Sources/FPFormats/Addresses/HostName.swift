/// Names of hosts (RFC 1123 section 2.1), in the ASCII form that resolvers and browsers use.
public enum HostName {
    /// Whether the text is such a name, at most 253 bytes long and without a final dot. An IPv4 address is none.
    public static func isValid(_ text: String) -> Bool {
        let labels = text.parts(at: ".")
        guard text.utf8.count <= 253, let last = labels.last else { return false }
        // A name whose last label is a number is an IPv4 address gone wrong.
        return labels.allSatisfy(isLabel) && !last.utf8.allSatisfy(\.isASCIIDigit)
    }

    private static func isLabel(_ label: Substring) -> Bool {
        let hyphen = UInt8(ascii: "-")
        return (1...63).contains(label.utf8.count) && label.utf8.first != hyphen && label.utf8.last != hyphen
            && label.utf8.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || $0 == hyphen }
    }
}
