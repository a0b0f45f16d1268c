/// The packages that fphost's own plugins come in.
enum PluginPackages {
    private static let packages = [
        "LocalStore": "fphost", "S3Store": "fphost-plugin-s3", "SFTPStore": "fphost-plugin-sftp",
    ]

    static var plugins: [String] { packages.keys.sorted() }

    static func package(of plugin: String) -> String? { packages[plugin] }

    /// How to install one of fphost's own plugins where it is missing; `nil` for other plugins.
    static func advice(for plugin: String) -> String? {
        packages[plugin].map { package in
            "Install the package \(package). On Debian that is \"apt install \(package)\". If the plugin is elsewhere, set "
                + "plugins.directory to where it is."
        }
    }
}
