import FPContractDriver
import FPPluginAPI
import Foundation
import Glibc

/// What a child does that was started with a `Job`. Never returns.
package enum ChildProcess {
    package static func run() -> Never {
        var core = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(4), &core)  // RLIMIT_CORE, which Swift does not import
        _ = fcntl(ChildDescriptor.answers, F_SETFD, FD_CLOEXEC)
        guard let line = Lines.standardInput.next(), let job = try? JSONDecoder().decode(Job.self, from: Data(line))
        else { _exit(64) }
        switch job.role {
        case .describe: answer(describe(job.plan))
        case .run(let id):
            _ = fcntl(ChildDescriptor.breadcrumb, F_SETFD, FD_CLOEXEC)
            Breadcrumb.shared.begin(ChildDescriptor.breadcrumb)
            answer(CaseRun.run(id, job.plan))
        case .peer: PeerServer.run(job.plan)
        case .cleanUp: answer(CleanUp.run(job.plan))
        }
        // Handlers that the plugin may have registered are none of the case's business.
        _exit(0)
    }

    private static func describe(_ plan: Plan) -> Description {
        do {
            let table = try Library(path: plan.plugin, calling: false).slots
            var options: [PluginDescription.Option] = []
            let stride = Int(table.option_size)
            if let first = table.options, stride >= MemoryLayout<fp_option>.size {
                for index in 0..<Int(min(table.n_options, 1000)) {
                    let row = UnsafeRawPointer(first).load(fromByteOffset: index * stride, as: fp_option.self)
                    options.append(PluginDescription.Option(row))
                }
            }
            return Description(
                plugin: PluginDescription(
                    name: table.name.map { String(cString: $0) } ?? "",
                    version: table.version.map { String(cString: $0) } ?? "", options: options))
        } catch let broken as Broken {
            return Description(problem: broken.message)
        } catch {
            return Description(problem: "\(error)")
        }
    }

    static func answer(_ value: some Encodable) {
        guard var bytes = (try? JSONEncoder().encode(value)).map({ [UInt8]($0) }) else { return }
        bytes.append(UInt8(ascii: "\n"))
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(ChildDescriptor.answers, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            bytes.removeFirst(count)
        }
    }
}

/// The answer to `Job.Role.describe`.
struct Description: Codable {
    var plugin: PluginDescription?
    var problem: String?
}

extension PluginDescription.Option {
    fileprivate init(_ row: fp_option) {
        func text(_ pointer: UnsafePointer<CChar>?) -> String? { pointer.map { String(cString: $0) } }
        self.init(
            key: text(row.key) ?? "", type: row.type, flags: row.flags, defaultText: text(row.default_text),
            choices: text(row.choices), min: row.min, max: row.max, help: text(row.help) ?? "")
    }
}

/// Lines from a descriptor.
final class Lines: @unchecked Sendable {
    // Read by one thread only, the child's first.
    static let standardInput = Lines(0)
    private let descriptor: Int32
    private var buffered: [UInt8] = []

    private init(_ descriptor: Int32) { self.descriptor = descriptor }

    func next() -> [UInt8]? {
        while true {
            if let newline = buffered.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(buffered[..<newline])
                buffered.removeSubrange(...newline)
                return line
            }
            var chunk = [UInt8](repeating: 0, count: 65536)
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return nil }
            buffered += chunk.prefix(count)
        }
    }
}
