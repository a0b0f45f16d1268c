import FPPluginAPI
import FPPluginKit

/// The one symbol that the library exports.
@c(fp_plugin_entry_v1)
public func entry(_ host: UnsafePointer<fp_host>?) -> UnsafePointer<fp_plugin>? {
    PluginEntry.table(of: SFTPStore.self, for: host)
}
