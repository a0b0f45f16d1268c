import FPConfig

extension FuzzTarget {
    /// Any file is settings, or gets complaints that have a place in it.
    static let yaml = FuzzTarget("yaml") { input in
        do throws(ConfigErrors) {
            _ = try Settings.load(
                yaml: input, file: "fuzz.yaml", directory: "/nonexistent", environment: ["HOME": "/nonexistent"])
        } catch {
            require(!"\(error)".isEmpty, "a refusal without a word")
        }
    }
}
