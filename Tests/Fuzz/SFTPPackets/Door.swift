/// What the plugin reads of the bytes of a server.
public enum ServerStream {
    /// The replies in a stream that comes in pieces, each as text; a last one says how it ended.
    public static func replies(in pieces: [ArraySlice<UInt8>]) -> [String] {
        var packets = PacketStream(capacity: pieces.map(\.count).max() ?? 0)
        var replies: [String] = []
        for piece in pieces {
            packets.room().copyBytes(from: piece)
            packets.take(piece.count)
            reading: while true {
                switch packets.next() {
                case .packet(let kind, let body):
                    replies.append(Reply(kind: kind, body: body).map { "\($0)" } ?? "torn")
                case .needsMore: break reading
                case .nonsense: return replies + ["nonsense"]
                }
            }
        }
        return replies + ["\(packets.pending(atMost: 16))"]
    }
}
