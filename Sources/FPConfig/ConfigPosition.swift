/// A place in a settings file.
public struct ConfigPosition: Sendable, Hashable {
    /// The file's name as the operator gave it.
    public var file: String
    /// The line, counted from 1; 0 when the file as a whole is meant.
    public var line: Int
    /// The column in characters, counted from 1; 0 when the file as a whole is meant.
    public var column: Int

    /// A place in a file; without a line, the file as a whole.
    public init(file: String, line: Int = 0, column: Int = 0) {
        self.file = file
        self.line = line
        self.column = column
    }
}

extension ConfigPosition: CustomStringConvertible {
    /// `fphost.yaml:12:7`, or the name alone for the file as a whole.
    public var description: String {
        line == 0 ? file : "\(file):\(line):\(column)"
    }
}

extension ConfigPosition: Comparable {
    /// Reading order within one file; files in the order of their names.
    public static func < (left: Self, right: Self) -> Bool {
        (left.file, left.line, left.column) < (right.file, right.line, right.column)
    }
}
