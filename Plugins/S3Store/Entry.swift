import FPPluginAPI
import FPPluginKit

/// The only symbol of the library that a host looks for.
@c(fp_plugin_entry_v1)
public func entry(_ host: UnsafePointer<fp_host>?) -> UnsafePointer<fp_plugin>? {
    PluginEntry.table(of: S3Store.self, for: host)
}
