public import FPFormats

/// Which URLs may be fetched. Each hop of a chain of redirects is asked about anew.
public struct FetchRules: Sendable {
    /// The schemes that a URL may have.
    public var schemes: Set<WebScheme> = [.http, .https]

    /// The only ports that may be connected to; `nil` for ``webPorts``, and for any on the hosts of `allow`, whose ports
    /// the operator knows.
    public var ports: [PortRange]?

    /// What listens on another port is rarely a web server, and may obey what it takes for a command in a request.
    static let webPorts = [PortRange(80...80), PortRange(443...443)]

    /// The only hosts that may be fetched from; nil for all. A host that is not on the public internet must be on
    /// `allow` as well.
    public var hosts: HostList?

    /// Hosts that are never fetched from, whatever the other lists say. Of an address that leads to another, such as
    /// one of NAT64, both count.
    public var deny = HostList.none

    /// Hosts outside of the public internet that may be fetched from all the same.
    public var allow = HostList.none

    /// The public internet, at the ports of the web.
    public init() {}
}
