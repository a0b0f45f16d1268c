import FPCurl

/// What the fetcher makes of a body that has a content coding.
public struct DecodedBody: Equatable {
    /// How the decoding ended.
    public enum Ending: Equatable, Sendable {
        /// With all there is.
        case whole
        /// With less.
        case incomplete
        /// With what is no such body.
        case damaged
        /// With a consumer that wanted no more.
        case unwanted
    }

    /// What was handed out.
    public private(set) var content: [UInt8] = []
    /// How it ended.
    public private(set) var ending = Ending.incomplete
    /// The most bytes that were handed out at once.
    public private(set) var most = 0

    /// Decodes a body that comes in pieces.
    /// - Parameters:
    ///   - limit: How many bytes the consumer wants.
    ///   - isSlow: Whether the consumer has to be asked twice each time.
    public init(_ pieces: [ArraySlice<UInt8>], isGzip: Bool, limit: Int, isSlow: Bool) {
        let decoder = ContentDecoder(isGzip ? .gzip : .deflate)
        var isAsked = false
        for piece in pieces where !piece.isEmpty {
            var intake = Intake.full
            while case .full = intake {
                do {
                    intake = try piece.withUnsafeBytes { piece in
                        try decoder.decode(piece) { bytes in
                            isAsked.toggle()
                            if isSlow && isAsked { return .full }
                            most = max(most, bytes.count)
                            guard content.count + bytes.count <= limit else { return .unwanted }
                            content += bytes
                            return .taken
                        }
                    }
                } catch {
                    ending = .damaged
                    return
                }
            }
            if case .unwanted = intake {
                ending = .unwanted
                return
            }
        }
        if decoder.isComplete { ending = .whole }
    }
}
