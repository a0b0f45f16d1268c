import FPCatalog
import FPConfig
import FPStorage
import Logging

/// Settings that the host would start with. `check` and `serve` find the same faults here: all that can be found before
/// the host opens anything.
struct Acceptance {
    let settings: Settings
    let plugins: StorePlugins
    let descriptors: DescriptorBudget
    /// Which plugins ended earlier hosts; nil unless this one is to serve.
    let crashes: CrashHistory?

    /// - Throws: ``Refusal`` with everything that is wrong, of the settings, the plugins' options and the catalog.
    /// - Parameter serving: whether the host is to start with them; then a store whose plugin keeps ending it is left out.
    init(_ configuration: ConfigurationOption, serving: Bool = false) throws {
        let (read, errors) = configuration.read()
        guard let settings = read else {
            throw Refusal(.configuration, errors?.description ?? "\(configuration.file) has no settings")
        }
        self.settings = settings
        let logger = Logger(label: "fphost") { LineLogHandler(label: $0, settings: settings.log) }
        if serving {
            StandardError.setDropNotice(LineLogHandler.dropNotice(settings.log))
            crashes =
                errors == nil
                ? settings.catalog.flatMap { CrashHistory(catalog: $0.url.value, logger: logger) } : nil
            crashes?.expectCrash()
        } else {
            crashes = nil
            // Names the plugin if one crashes while it is checked.
            CallJournal.watchCrashes(flush: nil)
        }
        var problems = errors?.problems ?? []
        problems += Host.problems(settings)
        descriptors = DescriptorBudget(settings, limit: Descriptors.reachableLimit)
        let isGiven = settings.effective.contains { $0.key == "server.max_connections" && $0.position != nil }
        if let (text, isFatal) = descriptors.problem(settings), isFatal || isGiven {
            let severity = isFatal ? ConfigProblem.Severity.error : .warning
            let problem = ConfigProblem(
                at: settings.position(of: "server.max_connections"), text, severity: severity)
            if isFatal {
                // Too few descriptors to load plugins on trial.
                throw Refusal(.configuration, ConfigErrors(problems + [problem]).description)
            }
            printError("\(problem)")
        }
        plugins = try StorePlugins.load(settings, crashes: crashes, logger: logger, problems: &problems)
        plugins.validate(settings, logger: logger, problems: &problems)
        if !serving, let catalog = settings.catalog, let user = Catalogs.user(of: catalog.url.value) {
            // Only a warning: operators check a new configuration while the old host still runs.
            let process = user == 0 ? "" : " (process \(user))"
            let problem = ConfigProblem(
                at: settings.position(of: "catalog"),
                "the catalog is in use by another fphost\(process); stop that one before this one is started",
                severity: .warning)
            printError("\(problem)")
        }
        guard problems.isEmpty else {
            problems = problems.enumerated()
                .sorted { ($0.element.position, $0.offset) < ($1.element.position, $1.offset) }.map(\.element)
            throw Refusal(.configuration, ConfigErrors(problems, omitted: errors?.omitted ?? 0).description)
        }
    }
}
