import Crypto
import FPFormats
import FPPolicy

extension FuzzTarget {
    private static let secret = String(repeating: "s", count: 64)

    private static let policyKeys: PolicyKeys = {
        var keys = PolicyKeys()
        do { try keys.add("k", secret: secret) } catch { fatalError("no key: \(error)") }
        return keys
    }()

    /// A policy that nobody signed is refused. The payload of one that is signed is read or refused, and what is read
    /// says the same when it is written and signed anew. The input is a policy, and is the payload of another.
    static let policy = FuzzTarget("policy") { input in
        require((try? SignedPolicy(String(decoding: input, as: UTF8.self), keys: policyKeys)) == nil, "forged")
        let signed = "fp1.k." + Base64URL.encoded(input)
        let tag = HMAC<SHA256>.authenticationCode(
            for: Array(signed.utf8), using: SymmetricKey(data: Array(secret.utf8)))
        guard let policy = try? SignedPolicy("\(signed).\(Base64URL.encoded(Array(tag)))", keys: policyKeys).policy
        else {
            return
        }
        // The limit of length is that of what comes from outside.
        guard Base64URL.encoded(policy.json.text.utf8).utf8.count < SignedPolicy.maximumLength - 100 else { return }
        guard let text = try? SignedPolicy.text(of: policy, key: "k", in: policyKeys),
            let again = try? SignedPolicy(text, keys: policyKeys).policy
        else { return require(false, "a policy that was read cannot be written") }
        require(again == policy, "another policy: \(again.json.text)")
        require((try? policy.check(at: policy.expires)) == nil, "a policy without end")
    }
}
