/// Ports that a setting names: one, or all from one to another, both included.
public struct PortRange: Sendable, Hashable {
    /// The first port and the last.
    public let ports: ClosedRange<UInt16>

    /// The ports from one to another.
    public init(_ ports: ClosedRange<UInt16>) {
        self.ports = ports
    }

    /// Reads `443` and `8000-8999`. There is no port 0.
    public static func parse(_ text: String) -> Result<PortRange, Complaint> {
        let (first, last) = text.cut(at: "-") ?? (text[...], text[...])
        guard let first = port(first), let last = port(last) else {
            return .failure(Complaint("is not a port from 1 to 65535 or a range such as 8000-8999"))
        }
        guard first <= last else {
            return .failure(Complaint("ends before it begins; did you mean \(quoted("\(last)-\(first)"))?"))
        }
        return .success(PortRange(first...last))
    }

    private static func port(_ text: Substring) -> UInt16? {
        guard text.utf8.allSatisfy(\.isASCIIDigit), let port = UInt16(text), port > 0 else { return nil }
        return port
    }
}

extension PortRange: CustomStringConvertible {
    /// As ``parse(_:)`` reads it.
    public var description: String {
        ports.count == 1 ? "\(ports.lowerBound)" : "\(ports.lowerBound)-\(ports.upperBound)"
    }
}
