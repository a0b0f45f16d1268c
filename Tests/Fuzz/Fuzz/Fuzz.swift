import CFuzzer
import Glibc

/// Something that reads what strangers send.
struct FuzzTarget: Sendable {
    let name: String
    /// Takes an input, and traps if something comes out that must not.
    let run: @Sendable ([UInt8]) -> Void

    init(_ name: String, _ run: @escaping @Sendable ([UInt8]) -> Void) {
        self.name = name
        self.run = run
    }

    static let all: [FuzzTarget] = [
        multipart, http, http2, proxy, target, fields, text, json, yaml, url, coding, token, keys, policy, signature,
        xml,
        packets,
    ]
}

/// Traps unless `condition` holds: libFuzzer takes that for a finding, and keeps the input.
func require(_ condition: Bool, _ message: @autoclosure () -> String) {
    if !condition { fatalError(message()) }
}

/// `Fuzz TARGET [libFuzzer's options]`; without a target, the names of all.
@main
private enum Fuzzer {
    private static let chosen = FuzzTarget.all.first { CommandLine.arguments.dropFirst().first == $0.name }

    static func main() {
        guard chosen != nil else { return print(FuzzTarget.all.map(\.name).joined(separator: "\n")) }
        // libFuzzer takes its options behind the program's name.
        var count = CommandLine.argc - 1
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv + 1
        exit(
            LLVMFuzzerRunDriver(&count, &arguments) { start, count in
                // The fuzzer owns the memory for the length of this call; it is copied before anything else.
                Fuzzer.chosen?.run(Array(UnsafeBufferPointer(start: start, count: count)))
                return 0
            })
    }
}
