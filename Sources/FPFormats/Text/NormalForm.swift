@_spi(_Unicode) import Swift

/// Unicode's normalization form C (UAX #15), made and checked by one implementation.
///
/// It is the standard library's, which normalizes but says so to its own modules only. Foundation brings 40 MB of ICU
/// for the same, and one of another version of Unicode: two that disagree make keys that nothing accepts.
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

    /// Whether a scalar has the same normal form in every version of Unicode that knows it. One that no version known
    /// here has assigned may yet become a mark that moves or a letter that decomposes, and a name that holds it would
    /// then be another name.
    public static func isStable(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x300 || scalar.properties.generalCategory != .unassigned
    }

    /// Everything below U+0300 is in form C as it stands.
    private static func needsLook(_ text: String) -> Bool {
        text.unicodeScalars.contains { $0.value >= 0x300 }
    }
}
