import Glibc

/// A line on standard error that says how far something is, where that is a terminal.
struct TerminalProgress {
    private let title: String
    let isShown = isatty(STDERR_FILENO) == 1
    private var shown: (percent: Int, note: String) = (-1, "")

    init(_ title: String) {
        self.title = title
    }

    /// Shows a part of the whole, from 0 to 1.
    /// - Parameter note: what stands behind it.
    mutating func show(_ part: Double, _ note: String = "") {
        let percent = Int(100 * min(max(part, 0), 1))
        guard isShown, (percent, note) != shown else { return }
        shown = (percent, note)
        StandardError.print("\r\(title): \(percent) %" + (note.isEmpty ? "" : ", \(note)") + "\u{1B}[K")
    }

    /// Leaves the line to whatever comes next.
    func end() {
        if isShown, shown.percent >= 0 { StandardError.print("\r\u{1B}[K") }
    }
}
