import FPContractDriver
import Foundation

/// The numbers of the descriptors that a child inherits.
enum ChildDescriptor {
    /// The child's answers to the kit. Not standard output, which a case may check for what the plugin writes there.
    static let answers: Int32 = 3
    static let breadcrumb: Int32 = 4
}

extension LineProcess {
    /// Starts a process that does a job.
    /// - Parameters:
    ///   - output: what the child gets as standard output and error; nil to share ours.
    ///   - breadcrumb: a file for it to leave its last call in; nil for none.
    convenience init(_ job: Job, output: Int32? = nil, breadcrumb: Int32? = nil, leadsGroup: Bool) throws {
        var files: [Int32: Int32] = [:]
        if let output { (files[1], files[2]) = (output, output) }
        if let breadcrumb { files[ChildDescriptor.breadcrumb] = breadcrumb }
        try self.init(
            job.plan.command.first ?? "", job.plan.command,
            environment: ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" },
            answering: ChildDescriptor.answers, files: files, leadsGroup: leadsGroup)
        try send(job)
    }

    /// Sends a value as one line.
    func send(_ value: some Encodable) throws { try send(line: try JSONEncoder().encode(value)) }
}
