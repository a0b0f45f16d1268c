/// Numbers and truth values as the settings spell them.
public enum NumberSyntax {
    /// Decimal, `0x` hexadecimal or `0o` octal. A leading zero is refused, since YAML versions disagree on its meaning.
    public static func integer(_ text: String) -> Result<Int64, Complaint> {
        let digits = text.without(prefix: "-") ?? text[...]
        guard let first = digits.utf8.first, first.isASCIIDigit else {
            return .failure(Complaint("must be a whole number, not \(quoted(text))"))
        }
        let (body, radix) =
            if let body = digits.without(prefix: "0x") {
                (body, 16)
            } else if let body = digits.without(prefix: "0o") {
                (body, 8)
            } else {
                (digits, 10)
            }
        if radix == 10, first == UInt8(ascii: "0"), digits.utf8.count > 1,
            digits.utf8.allSatisfy(\.isASCIIDigit)
        {
            let plain = Substring(digits.utf8.drop { $0 == UInt8(ascii: "0") })
            return .failure(
                Complaint(
                    "must be a whole number without leading zeros, not \(quoted(text)); "
                        + "write \"0o\(plain.isEmpty ? "0" : plain)\" for octal or \"\(plain.isEmpty ? "0" : plain)\""
                )
            )
        }
        guard body.utf8.first != UInt8(ascii: "-"), body.utf8.first != UInt8(ascii: "+"),
            let value = Int64((text.begins(with: "-") ? "-" : "") + body, radix: radix)
        else {
            return .failure(Complaint("must be a whole number of at most 64 bits, not \(quoted(text))"))
        }
        return .success(value)
    }

    /// A finite decimal number.
    public static func decimal(_ text: String) -> Result<Double, Complaint> {
        let allowed = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "e"), UInt8(ascii: "E"): true
            default: false
            }
        }
        guard allowed, let value = Double(text), value.isFinite else {
            return .failure(Complaint("must be a number such as 0.5, not \(quoted(text))"))
        }
        return .success(value)
    }

    /// Exactly `true` or `false`.
    public static func truth(_ text: String) -> Result<Bool, Complaint> {
        switch text {
        case "true": return .success(true)
        case "false": return .success(false)
        default: break
        }
        let meant: String? =
            switch text.asciiLowercased() {
            case "true", "yes", "on", "y", "1": "true"
            case "false", "no", "off", "n", "0": "false"
            default: nil
            }
        let suggestion = meant.map { "; did you mean \"\($0)\"?" } ?? ""
        return .failure(Complaint("must be true or false, not \(quoted(text))\(suggestion)"))
    }
}
