import FPContractDriver
import FPPluginAPI

package typealias TestStore = Store
package typealias TestWriter = Writer
package typealias TestReader = Reader
package typealias TestResumed = Resumed
package typealias TestEntry = Entry
package typealias TestPage = Page

extension HostRecord {
    /// The host of all stores that are given no other.
    package static let shared = HostRecord()
}

extension Store {
    /// Creates a store from options as texts.
    package convenience init(
        _ library: PluginLibrary, _ options: [String: String], host: HostRecord = .shared
    ) throws {
        try self.init(library, options: OptionNode(texts: options), host: host)
    }

    /// Runs the plugin's offline check.
    package static func validate(_ library: PluginLibrary, _ options: [String: String]) throws {
        try validate(library, OptionNode(texts: options))
    }

    /// A plugin that breaks the contract here ends the process.
    package var caps: fp_caps {
        do { return try capabilities() } catch { fatalError("\(error)") }
    }

    package func health(deep: Bool) throws -> Health { try health(flags: deep ? FP_HEALTHF_DEEP : 0) }

    package func stat(_ key: String, _ options: CallOptions) throws -> Info {
        try CallOptions.$ambient.withValue(options) { try stat(key) }
    }

    @discardableResult
    package func put(_ key: String, _ bytes: [UInt8], flags: UInt32 = 0, commitFlags: UInt32 = 0) throws -> Info {
        let writer = try begin(key, flags: flags, size: UInt64(bytes.count))
        defer { writer.close() }
        try writer.write(bytes)
        return try writer.commit(flags: commitFlags)
    }

    /// A URL for direct access, good for `life` seconds.
    package func presign(
        _ key: String, method: UInt32 = FP_PRESIGN_GET, life: UInt32, type: String? = nil, disposition: String? = nil
    ) throws -> String {
        try presign(key, method: method, seconds: life, contentType: type, contentDisposition: disposition).url
    }

    package func page(
        pending: Bool = false, prefix: String? = nil, cursor: [UInt8]? = nil, startAfter: String? = nil,
        limit: UInt32 = 1000, stopAfter: Int = .max
    ) throws -> TestPage {
        try page(
            ListRequest(
                pending: pending, prefix: prefix, cursor: cursor, startAfter: startAfter, limit: limit,
                stopAfter: stopAfter))
    }

    /// All pages.
    package func all(
        pending: Bool = false, prefix: String? = nil, startAfter: String? = nil, limit: UInt32 = 1000
    ) throws -> [TestEntry] {
        try all(ListRequest(pending: pending, prefix: prefix, startAfter: startAfter, limit: limit))
    }

    package func keys(prefix: String? = nil, limit: UInt32 = 1000) throws -> [String] {
        try all(prefix: prefix, limit: limit).map(\.key)
    }
}
