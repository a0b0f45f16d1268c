import FPFormats
public import HTTPTypes

extension HTTPFields {
    /// The elements of a field that is a comma-separated list (RFC 9110, section 5.6.1), over all its lines; without
    /// the empty ones, and without the spaces and tabs around each.
    public func list(_ name: HTTPField.Name) -> [Substring] {
        self[values: name].flatMap { line in
            line.parts(at: ",").filter { !$0.isEmpty }.map { $0.trimmingBlanks() }
        }
    }
}
