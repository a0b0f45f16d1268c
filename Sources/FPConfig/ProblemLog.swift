import FPFormats

/// Gathers complaints while a file is read, so that the operator sees all of them at once.
///
/// A class, because every part of the decoder adds to the same list; it never leaves the call that made it.
final class ProblemLog {
    /// A file of nothing but mistakes must not fill the terminal, or the memory.
    private static let limit = 100

    private var errors: [ConfigProblem] = []
    private var cautions: [ConfigProblem] = []
    private var omitted = 0

    var isEmpty: Bool { errors.isEmpty }

    var warnings: [ConfigProblem] { Self.inOrder(cautions) }

    var thrown: ConfigErrors { ConfigErrors(Self.inOrder(errors), omitted: omitted) }

    /// - Parameter message: made only if it is kept, since looking for the nearest key takes time.
    func error(at position: ConfigPosition, _ message: @autoclosure () -> String) {
        guard errors.count < Self.limit else {
            omitted += 1
            return
        }
        // Paths are shown whole and unquoted, so that they can be copied; they may hold anything.
        errors.append(ConfigProblem(at: position, visible(message())))
    }

    func warning(at position: ConfigPosition, _ message: String) {
        guard cautions.count < Self.limit else { return }
        cautions.append(ConfigProblem(at: position, visible(message), severity: .warning))
    }

    private static func inOrder(_ problems: [ConfigProblem]) -> [ConfigProblem] {
        // Sorting by the index too keeps complaints about one place in the order in which they were found.
        problems.enumerated()
            .sorted { ($0.element.position, $0.offset) < ($1.element.position, $1.offset) }
            .map(\.element)
    }
}
