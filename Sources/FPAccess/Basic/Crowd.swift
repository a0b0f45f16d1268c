import Crypto

/// The different logins that wait for an answer. Where the address has not proved the name before, there are few of one
/// address, few with one name, and some in all; where it has, few of both together. So a guesser with many addresses neither
/// fills the memory nor asks faster than a few, and who has logged in before from the same address waits behind none of
/// them, nor behind others of that address who try other names.
struct Crowd {
    /// What there is too much of.
    enum Excess {
        case ofAddress, ofName, inAll
    }

    static let mostOfAddress = 8
    static let mostOfName = 16
    static let mostInAll = 512

    private var pairs: [HMAC<SHA256>.MAC: Int] = [:]
    private var addresses: [String: Int] = [:]
    private var names: [HMAC<SHA256>.MAC: Int] = [:]
    private var strangers = 0

    /// Why one more may not wait; `nil` if it may.
    /// - Parameter isKnown: Whether the address has proved the name before.
    func excess(_ question: Question, isKnown: Bool) -> Excess? {
        if isKnown { return pairs[question.pair, default: 0] >= Self.mostOfAddress ? .ofAddress : nil }
        if addresses[question.address, default: 0] >= Self.mostOfAddress { return .ofAddress }
        if names[question.name, default: 0] >= Self.mostOfName { return .ofName }
        return strangers >= Self.mostInAll ? .inAll : nil
    }

    mutating func add(_ question: Question, isKnown: Bool) {
        change(question, isKnown, by: 1)
    }

    /// - Parameter isKnown: What it was when the question was added.
    mutating func remove(_ question: Question, isKnown: Bool) {
        change(question, isKnown, by: -1)
    }

    /// Whether nobody waits; nothing is kept then.
    var isEmpty: Bool { pairs.isEmpty && addresses.isEmpty && names.isEmpty && strangers == 0 }

    private mutating func change(_ question: Question, _ isKnown: Bool, by step: Int) {
        if isKnown {
            let ofPair = pairs[question.pair, default: 0] + step
            pairs[question.pair] = ofPair == 0 ? nil : ofPair
            return
        }
        let ofAddress = addresses[question.address, default: 0] + step
        addresses[question.address] = ofAddress == 0 ? nil : ofAddress
        let ofName = names[question.name, default: 0] + step
        names[question.name] = ofName == 0 ? nil : ofName
        strangers += step
    }
}
