import FPPluginKit

// Sendable by hand: the connection's lock guards it.
/// Follows the reads of one open file that are under way. Bytes go from the connection's buffer to where a reader waits
/// for them; those that come while none waits are kept.
final class ReadTracker: ReplySink, @unchecked Sendable {
    /// A piece of the file that is asked for, or has to be.
    private struct Part {
        /// Nil if it is not asked for yet.
        var id: UInt32?
        var start: UInt64
        var count: Int
        var answer: Answer?
    }

    private enum Answer {
        case bytes(ArraySlice<UInt8>)
        case refusal(Refusal)
    }

    /// Why there are no bytes.
    enum Refusal {
        /// The file has none there.
        case early(UInt64)
        case status(Status)
        case nonsense
        /// The connection is gone.
        case loss(PluginError)
    }

    private let end: UInt64
    private let step: Int
    /// The next byte that no part has.
    private var next: UInt64
    /// In the order of the file. Those before `first` are delivered.
    private var parts: [Part] = []
    private var first = 0
    private var target: UnsafeMutableRawBufferPointer?
    private var filled = 0
    /// Whether the reader makes do with less than it has room for.
    var isHasty = false
    private var loss: PluginError?
    /// Whether anything has come since the reader began to wait.
    private(set) var hasHeard = false

    /// For the bytes from `start` to `end`, asked for by the `step`.
    init(from start: UInt64, to end: UInt64, step: Int) {
        next = start
        self.end = end
        self.step = step
    }

    // MARK: - The reader

    /// Lets bytes go to a reader's buffer, first those that have arrived.
    func aim(at buffer: UnsafeMutableRawBufferPointer) {
        target = buffer
        filled = 0
        isHasty = false
        hasHeard = false
        deliver()
    }

    /// Takes the reader's buffer back.
    /// - Returns: how many bytes are in it.
    func withdraw() -> Int {
        target = nil
        return filled
    }

    /// Whether the reader has what it is to have.
    var isServed: Bool {
        guard let target else { return false }
        return filled == target.count || (isHasty && filled > 0) || first == parts.count || refusal != nil
    }

    /// Why the next bytes do not come.
    var refusal: Refusal? {
        let answer = first < parts.count ? parts[first].answer : nil
        if case .refusal(let refusal) = answer { return refusal }
        return answer == nil ? loss.map(Refusal.loss) : nil
    }

    /// Calls `ask` for what has to be asked for now, so that the buffer is filled and `ahead` bytes follow.
    /// - Parameter ask: sends the request, and returns its id.
    func request(ahead: Int, _ ask: (_ start: UInt64, _ count: Int) -> UInt32) {
        guard loss == nil else { return }
        var coming = 0
        for place in first..<parts.count {
            coming += parts[place].count
            if parts[place].id == nil { parts[place].id = ask(parts[place].start, parts[place].count) }
        }
        let wanted = (target?.count ?? 0) - filled + ahead
        while next < end, coming < wanted {
            let count = Int(min(UInt64(step), end - next))
            parts.append(Part(id: ask(next, count), start: next, count: count))
            next += UInt64(count)
            coming += count
        }
    }

    // MARK: - The connection

    func receive(data: UnsafeRawBufferPointer, to id: UInt32) -> Bool {
        guard let place = parts[first...].firstIndex(where: { $0.id == id }) else { return false }
        hasHeard = true
        // Some servers send more than was wanted, beginning where they were asked to.
        let bytes = UnsafeRawBufferPointer(rebasing: data.prefix(parts[place].count))
        guard !bytes.isEmpty else {
            parts[place].answer = .refusal(.early(parts[place].start))
            return isServed
        }
        let missing = parts[place].count - bytes.count
        if missing > 0 {
            // The rest comes before what was asked for since.
            parts.insert(
                Part(start: parts[place].start + UInt64(bytes.count), count: missing), at: place + 1)
            parts[place].count = bytes.count
        }
        let direct = place == first ? copy(bytes) : 0
        if direct == bytes.count {
            first += 1
            deliver()
        } else {
            parts[place].start += UInt64(direct)
            parts[place].count -= direct
            parts[place].answer = .bytes(Array(bytes[direct...])[...])
        }
        return isServed || missing > 0
    }

    func receive(_ reply: Reply, to id: UInt32) -> Bool {
        guard let place = parts[first...].firstIndex(where: { $0.id == id }) else { return false }
        hasHeard = true
        if case .status(let status) = reply {
            let isEnd = status.code == Status.endOfFile
            parts[place].answer = .refusal(isEnd ? .early(parts[place].start) : .status(status))
        } else {
            parts[place].answer = .refusal(.nonsense)
        }
        return isServed
    }

    func lose(_ error: PluginError) { loss = error }

    // MARK: - Bytes

    /// Copies as much as the reader has room for.
    private func copy(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let target, filled < target.count else { return 0 }
        let count = min(bytes.count, target.count - filled)
        UnsafeMutableRawBufferPointer(rebasing: target[filled...])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        filled += count
        return count
    }

    /// Gives the reader what is kept for it.
    private func deliver() {
        while first < parts.count, case .bytes(let bytes) = parts[first].answer {
            let count = bytes.withUnsafeBytes(copy)
            guard count == bytes.count else {
                parts[first].start += UInt64(count)
                parts[first].count -= count
                parts[first].answer = .bytes(bytes.dropFirst(count))
                break
            }
            parts[first].answer = nil
            first += 1
        }
        if first > 64 {
            parts.removeFirst(first)
            first = 0
        }
    }
}
