import FPFormats

/// Names of hosts (RFC 1123 section 2.1), in the ASCII form that resolvers and browsers use.
enum HostName {
    static func isValid(_ text: String) -> Bool {
        let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard text.utf8.count <= 253, let last = labels.last else { return false }
        // A name whose last label is a number is an IPv4 address gone wrong.
        return labels.allSatisfy(isLabel) && !last.allSatisfy(\.isASCIIDigit)
    }

    private static func isLabel(_ label: Substring.UTF8View.SubSequence) -> Bool {
        let hyphen = UInt8(ascii: "-")
        return (1...63).contains(label.count) && label.first != hyphen && label.last != hyphen
            && label.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || $0 == hyphen }
    }
}
