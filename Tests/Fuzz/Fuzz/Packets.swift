import SFTPPackets

extension FuzzTarget {
    /// What an SFTP server sends: the replies are the same however the stream is cut. The input is a byte that says
    /// where to cut, and the stream.
    static let packets = FuzzTarget("packets") { input in
        guard let step = input.first else { return }
        let stream = input.dropFirst()
        let whole = ServerStream.replies(in: [stream])
        let pieces = stride(from: stream.startIndex, to: stream.endIndex, by: 1 + Int(step)).map {
            stream[$0..<min($0 + 1 + Int(step), stream.endIndex)]
        }
        require(ServerStream.replies(in: pieces) == whole, "the replies depend on where the stream is cut")
    }
}
