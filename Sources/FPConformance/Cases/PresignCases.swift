import FPContractDriver
import FPPluginAPI
import Glibc

/// Links that clients use without the host.
enum PresignCases {
    static let all: [Case] = [
        presign("url", "a link is an absolute URL without blanks") { bench in
            let url = try bench.store.presign(bench.key()).url
            try bench.check(url.contains("://"), "it is no absolute URL")
            try bench.check(url.utf8.allSatisfy { $0 > 32 && $0 < 127 }, "it has characters that no URL has")
        },
        presign("expiry", "a link ends no later than asked, and not in the past") { bench in
            let before = Int64(time(nil)) * 1000
            let most = try bench.caps.presign_ttl_max_s
            let seconds = most > 0 ? min(300, most) : 300
            let expires = try bench.store.presign(bench.key(), seconds: seconds).expires
            try bench.check(expires > before, "expires_ms is \(expires), before now")
            try bench.check(
                expires <= Int64(time(nil)) * 1000 + Int64(seconds) * 1000 + 2000, "expires_ms is later than asked")
        },
        presign("absent", "existence is not checked") { bench in
            _ = try bench.store.presign(bench.key("never/written"))
        },
        presign("head", "FP_PRESIGN_HEAD gives a link, or E_UNSUPPORTED") { bench in
            do {
                let url = try bench.store.presign(bench.key(), method: FP_PRESIGN_HEAD).url
                try bench.check(!url.isEmpty, "it gives no link")
            } catch let failure as Failure {
                try bench.check(failure.status == FP_E_UNSUPPORTED, "\(failure)")
            }
        },
        presign("method-unknown", "a method that fp_plugin.h does not have is refused") { bench in
            try bench.refused(FP_E_UNSUPPORTED, FP_E_INVALID, what: "presign for method 77") {
                _ = try bench.store.presign(bench.key(), method: 77)
            }
        },
        presign("keys-differ", "two keys have two links") { bench in
            let one = try bench.store.presign(bench.key("a b")).url
            let other = try bench.store.presign(bench.key("a+b")).url
            try bench.check(one != other, "they share a link")
        },
        presign("overrides", "overrides of the response are taken") { bench in
            let plain = try bench.store.presign(bench.key()).url
            let url = try bench.store.presign(
                bench.key(), contentType: "image/png", contentDisposition: "attachment; filename=\"a b.png\""
            ).url
            try bench.check(url != plain, "the link is the same as without them")
            try bench.check(url.utf8.allSatisfy { $0 > 32 && $0 < 127 }, "the link has characters that no URL has")
        },
        presign("too-long", "more than presign_ttl_max_s is cut or refused") { bench in
            let most = try bench.caps.presign_ttl_max_s
            guard most > 0, most < UInt32.max else { throw Inapplicable(reason: "presign_ttl_max_s is 0") }
            do {
                let expires = try bench.store.presign(bench.key(), seconds: most + 1).expires
                try bench.check(
                    expires <= (Int64(time(nil)) + Int64(most) + 2) * 1000, "expires_ms is later than allowed")
            } catch let failure as Failure {
                try bench.check(failure.status / 100 == 1, "\(failure), where a status of class 1 was due")
            }
        },
    ]

    private static func presign(_ name: String, _ promise: String, _ run: @escaping @Sendable (Bench) throws -> Void)
        -> Case
    {
        Case("presign.\(name)", promise, .slot("presign"), needs: [.caps(FP_CAP_PRESIGN)], run)
    }
}
