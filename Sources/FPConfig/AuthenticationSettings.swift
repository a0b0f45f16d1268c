extension Settings {
    /// `authentication`: how visitors are known. Every kind may be there or not.
    public struct Authentication: Sendable, Equatable {
        /// Upload policies that the application signs.
        public var policies: Policies?

        /// Whether no visitor is known in any way.
        public var isEmpty: Bool { policies == nil }
    }
}

extension SettingsDecoder {
    func authentication() -> Settings.Authentication {
        Settings.Authentication(policies: policies())
    }
}
