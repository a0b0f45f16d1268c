import CCurl
import Glibc

/// libcurl as this process has it.
package enum LibCurl {
    /// Readies libcurl; done once, however often it is asked for.
    ///
    /// The host and each plugin have a copy of this module, and each copy readies the one libcurl of the process:
    /// libcurl counts, and since 7.84 does so under a lock of its own.
    /// - Throws: ``CurlFailure`` if libcurl cannot be used at all.
    package static func start() throws(CurlFailure) {
        guard started == CURLE_OK else { throw CurlFailure(started) }
    }

    /// libcurl's name and version and those of its libraries: "libcurl/8.14.1 OpenSSL/3.5.1 ...".
    package static var version: String { String(cString: curl_version()) }

    /// The PEM file of certificate authorities that libcurl was built to use, if it can be read.
    package static let certificateAuthorities: String? = {
        let version = curl_version_info(CURLVERSION_TENTH)
        guard let file = version?.pointee.cainfo, access(file, R_OK) == 0 else { return nil }
        return String(cString: file)
    }()

    private static let started = curl_global_init(Int(CURL_GLOBAL_DEFAULT))
}
