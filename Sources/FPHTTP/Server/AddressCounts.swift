import FPFormats
import NIOCore
import Synchronization

/// The connections that each address has.
final class AddressCounts: Sendable {
    private let limit: Int
    private let counts = Mutex<[AddressBlock: Int]>([:])

    /// - Parameter limit: How many one address may have; 0 for no limit.
    init(limit: Int) {
        self.limit = limit
    }

    /// Counts one more connection.
    /// - Returns: What to give back when it ends: nil if it is not counted.
    /// - Throws: If the address has as many as it may.
    func enter(_ peer: Peer) throws(TooMany) -> AddressBlock? {
        guard limit > 0, !peer.isTrusted, case .address(let address) = peer.end else { return nil }
        let network = ClientNetwork.block(of: address)
        let isAdmitted = counts.withLock { counts in
            let count = counts[network, default: 0]
            guard count < limit else { return false }
            counts[network] = count + 1
            return true
        }
        guard isAdmitted else { throw TooMany() }
        return network
    }

    /// A connection has ended.
    func leave(_ network: AddressBlock) {
        counts.withLock { counts in
            let count = counts[network, default: 1] - 1
            counts[network] = count == 0 ? nil : count
        }
    }

    struct TooMany: Error {}
}

/// Closes a connection that there is one too many of, as soon as it is open.
final class Dismissal: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func channelActive(context: ChannelHandlerContext) {
        context.close(promise: nil)
    }
}
