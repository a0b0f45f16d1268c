/// Why a file that says who is let in cannot be used. For the operator only, as it names the path. It holds nothing of
/// the file's content.
public struct AccessFileError: Error, CustomStringConvertible {
    /// One sentence with the path, the line if it is about one, and what to do.
    public let description: String

    /// - Parameter reason: What follows the path in the sentence.
    init(_ path: String, line: Int? = nil, _ reason: String) {
        description = "The file \(path)" + (line.map { ", line \($0)," } ?? "") + " \(reason)."
    }
}
