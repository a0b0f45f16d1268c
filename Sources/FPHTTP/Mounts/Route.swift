/// One line of a router's table: what is where.
public struct Route: Sendable {
    /// Where it is.
    public let path: MountPath
    /// What is there.
    public let mount: any Mount

    /// A mount at a path.
    public init(_ path: MountPath, _ mount: any Mount) {
        self.path = path
        self.mount = mount
    }
}
