import FPContext
public import Logging

extension Store {
    /// Lets the plugin check the rules between its options (`validate`), without making an instance: no network, no
    /// side effect. Blocks like ``open(name:library:config:settings:logger:)``.
    /// - Parameter config: the options, complete: see ``PluginConfigNode/completed(by:directory:)``.
    /// - Throws: ``StoreError`` with `.config` if the options are at fault.
    public static func validate(
        name: String, library: PluginLibrary, config: PluginConfigNode, settings: StoreSettings = StoreSettings(),
        logger: Logger
    ) throws(StoreError) {
        guard let validate = library.table.raw.validate else { return }
        let errors = ErrorMaker(store: name, mask: SecretMask(config.secrets))
        let host = HostTable(info: library.host.info, log: PluginLog(logger: logger, mask: errors.mask))
        let site = CallSite(
            store: name, operation: .validate, observer: nil,
            journalEntry: CallJournal.entry(store: name, plugin: library.path))
        let call = BlockingCall<Void>(
            site, deadline: .now + settings.deadline, grace: settings.hangGrace, requestContext: RequestContext.current
        ) { context throws(StoreError) in
            let result: Result<Void, StoreError> = config.withContractTree { tree in
                do throws(StoreError) {
                    try errors.check(.validate, context) { validate(host.pointer, tree, $0) }
                    return .success(())
                } catch {
                    return .failure(error)
                }
            }
            try result.get()
        }
        try call.wait(in: library.control, lane: .control)
    }
}
