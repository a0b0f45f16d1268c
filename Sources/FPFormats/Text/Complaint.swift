/// Why a text is not what it should be, as the end of a sentence that begins with the text's name: "must be true or
/// false, not "yes"".
public struct Complaint: Error, Equatable, Sendable {
    /// The end of the sentence.
    public var text: String

    /// A complaint in these words.
    public init(_ text: String) {
        self.text = text
    }
}
