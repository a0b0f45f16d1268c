extension Settings {
    /// `authentication`: how visitors are known. Every kind may be there or not.
    public struct Authentication: Sendable, Equatable {
        /// Whether no visitor is known in any way.
        public var isEmpty: Bool { true }
    }
}

extension SettingsDecoder {
    func authentication() -> Settings.Authentication {
        Settings.Authentication()
    }
}
