import Glibc

/// A line on standard error that says how far something is, where that is a terminal.
struct TerminalProgress {
    private let title: String
    private let isShown = isatty(STDERR_FILENO) == 1
    private var shown = -1

    init(_ title: String) {
        self.title = title
    }

    /// Shows a part of the whole, from 0 to 1.
    mutating func show(_ part: Double) {
        let percent = Int(100 * min(max(part, 0), 1))
        guard isShown, percent != shown else { return }
        shown = percent
        StandardError.print("\r\(title): \(percent) %")
    }

    /// Leaves the line to whatever comes next.
    func end() {
        if isShown, shown >= 0 { StandardError.print("\r\u{1B}[K") }
    }
}
