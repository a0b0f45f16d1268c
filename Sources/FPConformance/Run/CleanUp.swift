import FPContractDriver
import FPPluginAPI

/// Removes what cases have left behind that were killed.
enum CleanUp {
    /// What could not be removed.
    struct Report: Codable {
        var left: [String] = []
        var problem: String?
    }

    static func run(_ plan: Plan) -> Report {
        var report = Report()
        do {
            let store = try Store(Library(path: plan.plugin), options: plan.options)
            _ = try store.health()
            let caps = try store.capabilities().flags
            let prefix = plan.prefix + "/"
            if caps & FP_CAP_LIST_PENDING != 0 {
                for entry in try store.all(ListRequest(pending: true, prefix: prefix)) where entry.key.hasPrefix(prefix)
                {
                    do { try store.discard(entry.token) } catch { report.left.append("the session of \(entry.key)") }
                }
            }
            if caps & FP_CAP_LIST != 0 {
                for entry in try store.all(ListRequest(prefix: prefix)) where entry.key.hasPrefix(prefix) {
                    do { try store.remove(entry.key) } catch { report.left.append(entry.key) }
                }
            }
        } catch let broken as Broken {
            report.problem = broken.message
        } catch {
            report.problem = "\(error)"
        }
        return report
    }
}
