import FPCurl
import FPFormats
import FPHTTP
import HTTPTypes

/// What the application says about a visitor.
enum Answer: Sendable {
    /// It knows the visitor, who may pass.
    case known(owner: String?, scopes: Set<String>, roles: Set<String>)
    /// The visitor may not.
    case refused(HTTPResponse.Status, challenges: [String])
}

/// Why the application says nothing that can be gone by; for the operator's log.
struct NoAnswer: Error, Sendable {
    let text: String

    init(_ text: String) { self.text = text }
}

extension Answer {
    /// The longest name of an owner, and the longest scopes and roles together, in bytes: answers are kept.
    private static let longestOwner = 255
    private static let longestWords = 2048
    private static let mostChallenges = 8
    private static let longestChallenge = 1024

    /// Reads the head of an answer. What is not clear is none.
    init(_ head: ResponseHead, _ settings: ForwardSettings) throws(NoAnswer) {
        switch head.status {
        case 200...299:
            self = .known(
                owner: try Self.owner(head, settings.ownerField),
                scopes: try Self.words(head, settings.scopesField), roles: try Self.words(head, settings.rolesField))
        case 300...399:
            // To a page where people log in, as a rule; a script that follows would take that page for an answer.
            self = .refused(.unauthorized, challenges: [])
        case 401, 403:
            self = .refused(
                head.status == 401 ? .unauthorized : .forbidden, challenges: Self.challenges(head))
        default:
            throw NoAnswer("it answers with status \(head.status)")
        }
    }

    /// The one owner; `nil` if there is none.
    private static func owner(_ head: ResponseHead, _ field: HTTPField.Name) throws(NoAnswer) -> String? {
        let values = head.values(of: field.canonicalName).filter { !$0.isEmpty }
        guard let value = values.first else { return nil }
        guard values.count == 1 else { throw NoAnswer("its answer has the field \(field) more than once") }
        guard value.count <= longestOwner, let owner = text(value) else {
            throw NoAnswer(
                "the field \(field) of its answer is no text of up to \(longestOwner) bytes of UTF-8; send names in "
                    + "another form, such as percent-encoded, or the user's number")
        }
        return owner
    }

    /// Words with blanks or commas between them, over all lines of the field.
    private static func words(_ head: ResponseHead, _ field: HTTPField.Name) throws(NoAnswer) -> Set<String> {
        let values = head.values(of: field.canonicalName)
        guard values.reduce(0, { $0 + $1.count }) <= longestWords else {
            throw NoAnswer("the field \(field) of its answer is longer than \(longestWords) bytes")
        }
        var words: Set<String> = []
        for value in values {
            guard let text = text(value) else {
                throw NoAnswer("the field \(field) of its answer is no text in UTF-8")
            }
            let separators = Array(" ,\t".utf8)
            for word in text.utf8.split(whereSeparator: separators.contains) { words.insert(String(Substring(word))) }
        }
        return words
    }

    /// What may be passed on as it is.
    private static func challenges(_ head: ResponseHead) -> [String] {
        let values = head.values(of: "www-authenticate").prefix(mostChallenges)
        return values.filter { $0.count <= longestChallenge }.compactMap(text).filter { !$0.isEmpty }
    }

    private static func text(_ bytes: [UInt8]) -> String? {
        guard HTTPField.isValidValue(bytes) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
