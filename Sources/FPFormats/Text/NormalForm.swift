@_spi(_Unicode) import Swift

/// Unicode's normalization form C (UAX #15), made and checked by one implementation.
///
/// The standard library has it, but only as SPI (`_nfc`). Foundation's would bring 40 MB of ICU, and another version of
/// Unicode: a key made by one implementation could then be refused by the other.
public enum NormalForm {
    /// The text in form C.
    public static func composed(_ text: String) -> String {
        guard needsLook(text) else { return text }
        var scalars = String.UnicodeScalarView()
        scalars.append(contentsOf: text._nfc)
        return String(scalars)
    }

    /// Whether the text is in form C.
    public static func isComposed(_ text: String) -> Bool {
        !needsLook(text) || text.unicodeScalars.elementsEqual(text._nfc)
    }

    /// Whether a scalar has the same normal form in every version of Unicode that knows it. An
    /// unassigned one may become a mark that is reordered or a letter that decomposes: names that hold it would change.
    public static func isStable(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x300 || scalar.properties.generalCategory != .unassigned
    }

    /// Everything below U+0300 is in form C as it stands.
    private static func needsLook(_ text: String) -> Bool {
        text.unicodeScalars.contains { $0.value >= 0x300 }
    }
}
