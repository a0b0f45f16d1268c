extension Settings {
    /// `authentication`: how visitors are known. Every kind may be there or not.
    public struct Authentication: Sendable, Equatable {
        /// The application that says who a visitor is; nil for none.
        public var forward: ForwardAuthentication?
        /// Upload policies that the application signs.
        public var policies: Policies?
        /// The file of bearer tokens, an absolute path; nil for none.
        public var tokens: String?
        /// JSON Web Tokens.
        public var jwt: JWT?
        /// The users with passwords; nil for none.
        public var basic: Basic?

        /// Whether no visitor is known in any way.
        public var isEmpty: Bool {
            forward == nil && policies == nil && tokens == nil && jwt == nil && basic == nil
        }
    }
}

extension SettingsDecoder {
    func authentication() -> Settings.Authentication {
        Settings.Authentication(
            forward: forwardAuthentication(), policies: policies(), tokens: authenticationTokens(), jwt: jwt(),
            basic: basic())
    }
}
