import FPContractDriver
import FPPluginAPI
import Glibc

/// The table: what can be checked without a store.
enum AbiTableCases {
    static let all: [Case] = [
        Case("abi.symbols", "the library exports its entry points and nothing else", .rule(8)) { bench in
            let symbols = try ElfSymbols.exported(by: bench.plan.plugin)
            let others = symbols.filter { !isEntryPoint($0) }
            try bench.check(
                others.isEmpty,
                "it also exports \(others.prefix(5).joined(separator: ", "))"
                    + (others.count > 5 ? " and \(others.count - 5) more" : ""))
            try bench.check(symbols.contains(FP_ENTRY_SYMBOL), "it does not export \(FP_ENTRY_SYMBOL)")
        },
        Case("abi.entry-idempotent", "the entry point returns the same table every time", .slot("fp_plugin_entry_v1")) {
            bench in
            let library = try bench.library
            let other = HostRecord()
            for _ in 0..<100 {
                try bench.check(library.entry(other.pointer) == library.table, "it returned another table")
            }
        },
        Case(
            "abi.entry-quiet", "loading and the entry point start no thread and open no file",
            .slot("fp_plugin_entry_v1")
        ) {
            bench in
            _ = try Library(path: bench.plan.plugin, calling: false)
            let after = ProcessState()
            try bench.check(after.threads == bench.baseline.threads, "there are threads that were not there before")
            try bench.check(
                after.descriptors == bench.baseline.descriptors, "there are descriptors that were not there before")
        },
        Case("abi.entry-quick", "the entry point takes no time to speak of", .slot("fp_plugin_entry_v1")) { bench in
            let library = try Library(path: bench.plan.plugin, calling: false)
            let start = MonotonicClock.seconds
            for _ in 0..<10 { _ = library.entry(library.host.pointer) }
            try bench.check(MonotonicClock.seconds - start < 2, "ten calls took more than 2 s")
        },
        Case("abi.head", "the table begins with a sound fp_head", .slot("fp_head")) { bench in
            let head = try bench.library.slots.head
            try bench.check(head.abi_minor < 1000, "abi_minor is \(head.abi_minor)")
            try bench.check(
                head.min_host_minor <= head.abi_minor,
                "min_host_minor is \(head.min_host_minor), above its own abi_minor, \(head.abi_minor)")
            try bench.check(head.reserved == 0, "reserved is \(head.reserved)", .rule(1))
            try bench.check(bench.library.slots.reserved0 == 0, "fp_plugin.reserved0 is not 0", .rule(1))
            if head.abi_minor <= FP_ABI_MINOR {
                try bench.check(
                    Int(head.struct_size) == MemoryLayout<fp_plugin>.size,
                    "struct_size is \(head.struct_size), where sizeof(fp_plugin), \(MemoryLayout<fp_plugin>.size), is due"
                )
            }
        },
        Case("abi.name", "the name is well formed, and the file's too", .slot("fp_plugin.name")) { bench in
            guard let pointer = try bench.library.slots.name else { throw Broken("name is NULL") }
            let name = String(cString: pointer)
            let isSound =
                name.first.map { $0.isASCII && $0.isLetter } == true
                && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }
            try bench.check(isSound, "the name is \"\(name)\"")
            let file = bench.plan.plugin.split(separator: "/").last.map(String.init) ?? ""
            try bench.check(file == "lib\(name).so", "the file is \(file), where lib\(name).so is due")
        },
        Case("abi.version", "the version is a semantic version", .slot("fp_plugin.version")) { bench in
            guard let pointer = try bench.library.slots.version else { throw Broken("version is NULL") }
            let version = String(cString: pointer)
            let core = version.prefix { $0 != "-" && $0 != "+" }.split(separator: ".", omittingEmptySubsequences: false)
            try bench.check(
                core.count == 3 && core.allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isWholeNumber) },
                "the version is \"\(version)\", where MAJOR.MINOR.PATCH is due")
        },
        Case("abi.required-slots", "every required slot is there", .slot("fp_plugin")) { bench in
            let table = try bench.library.slots
            let missing = requiredSlots(of: table).filter { !$0.isThere }.map(\.name)
            try bench.check(missing.isEmpty, "NULL: \(missing.joined(separator: ", "))")
        },
        Case("abi.threading-max", "threading_max is one of the three models", .slot("fp_plugin.threading_max")) {
            bench in
            let most = try bench.library.slots.threading_max
            try bench.check(most <= FP_THREADS_PARALLEL, "threading_max is \(most)")
        },
        Case("abi.options", "every row of the option table is sound", .slot("fp_option")) { bench in
            for option in try options(of: bench.library.slots) { try check(option, bench) }
        },
        Case("abi.options-distinct", "no two options share a key, and none lies in another", .slot("fp_option")) {
            bench in
            let keys = try options(of: bench.library.slots).map { $0.key.map { String(cString: $0) } ?? "" }
            try bench.check(Set(keys).count == keys.count, "a key is there twice")
            for key in keys {
                try bench.check(
                    !keys.contains { $0.hasPrefix(key + ".") }, "\"\(key)\" is an option and also holds options")
            }
        },
        Case("abi.dump", "dump gives lines of readable text", .slot("fp_plugin.dump")) { bench in
            guard let dump = try bench.library.slots.dump else { throw Inapplicable(reason: "it has no dump") }
            final class Lines { var found: [(String, String)] = [] }
            let lines = Lines()
            dump(
                { context, key, value in
                    guard let context else { return }
                    Unmanaged<Lines>.fromOpaque(context).takeUnretainedValue().found.append((key.string, value.string))
                }, Unmanaged.passUnretained(lines).toOpaque())
            try bench.check(lines.found.allSatisfy { !$0.0.isEmpty }, "a line has no key")
            for secret in bench.plan.options.secrets {
                try bench.check(!lines.found.contains { $0.1.contains(secret) }, "it tells a secret option's value")
            }
        },
        Case("abi.extension-unknown", "an extension nobody has heard of is NULL", .slot("get_extension")) { bench in
            guard let slot = try bench.library.slots.get_extension else {
                throw Inapplicable(reason: "it has no get_extension")
            }
            let store = try bench.store
            for id in [
                "", "/", "org.example.nothing/1", "fp.transfer/4294967295", "fp.transfer",
                String(repeating: "x", count: 5000),
            ] {
                try bench.check(slot(nil, id) == nil, "for the library, it offers \"\(id.prefix(40))\"")
                try bench.check(slot(store.instance, id) == nil, "for a store, it offers \"\(id.prefix(40))\"")
            }
        },
        Case(
            "abi.extension-constant", "an extension is the same every time", .slot("get_extension"), needs: [.transfer]
        ) {
            bench in
            try checkExtension(FP_EXT_TRANSFER, MemoryLayout<fp_ext_transfer>.size, bench)
        },
    ]

    /// That an extension does not move, and is as large as it was when it was defined.
    static func checkExtension(_ id: String, _ least: Int, _ bench: Bench) throws {
        let slot = try bench.library.slots.get_extension
        let instance = try bench.store.instance
        let first = slot?(instance, id)
        for _ in 0..<10 { try bench.check(slot?(instance, id) == first, "it moved") }
        let size = first?.load(as: UInt32.self) ?? 0
        try bench.check(Int(size) >= least, "its struct_size is \(size)", .rule(1))
    }

    private static func isEntryPoint(_ symbol: String) -> Bool {
        symbol.hasPrefix("fp_plugin_entry_v") && symbol.dropFirst(17).allSatisfy(\.isWholeNumber)
    }

    private static func requiredSlots(of table: fp_plugin) -> [(name: String, isThere: Bool)] {
        [
            ("create", table.create != nil), ("destroy", table.destroy != nil), ("caps", table.caps != nil),
            ("health", table.health != nil), ("stat", table.stat != nil), ("read_open", table.read_open != nil),
            ("read", table.read != nil), ("read_close", table.read_close != nil),
            ("write_begin", table.write_begin != nil), ("write", table.write != nil),
            ("write_commit", table.write_commit != nil), ("write_abort", table.write_abort != nil),
            ("write_close", table.write_close != nil), ("remove", table.remove != nil),
        ]
    }

    private static func options(of table: fp_plugin) throws -> [fp_option] {
        guard table.n_options > 0 else { return [] }
        guard let first = table.options, table.n_options <= 1000 else {
            throw Broken("n_options is \(table.n_options) and options is \(table.options == nil ? "NULL" : "not")")
        }
        let stride = Int(table.option_size)
        guard stride >= MemoryLayout<fp_option>.size, stride % MemoryLayout<fp_option>.alignment == 0 else {
            throw Broken("option_size is \(stride), where sizeof(fp_option) is due")
        }
        return (0..<Int(table.n_options)).map {
            UnsafeRawPointer(first).load(fromByteOffset: $0 * stride, as: fp_option.self)
        }
    }

    private static func check(_ option: fp_option, _ bench: Bench) throws {
        guard let pointer = option.key else { throw Broken("an option has no key") }
        let key = String(cString: pointer)
        let segments = key.split(separator: ".", omittingEmptySubsequences: false)
        try bench.check(
            segments.allSatisfy {
                !$0.isEmpty && $0.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }
            },
            "the key \"\(key)\" is not made of letters, digits, '_' and '-' with dots between")
        let isNewer = try bench.library.slots.head.abi_minor > FP_ABI_MINOR
        try bench.check(
            isNewer || (FP_T_STRING...FP_T_STRING_MAP).contains(option.type), "\"\(key)\" has type \(option.type)")
        try bench.check(option.min <= option.max, "\"\(key)\" has a least value above its greatest")
        let choices = option.choices.map { String(cString: $0).split(separator: "|").map(String.init) } ?? []
        try bench.check(option.type != FP_T_ENUM || !choices.isEmpty, "\"\(key)\" is an FP_T_ENUM without choices")
        try bench.check(option.help.map { strlen($0) > 0 } ?? false, "\"\(key)\" has no help")
        guard let text = option.default_text.map({ String(cString: $0) }) else { return }
        try bench.check(option.flags & FP_OPT_REQUIRED == 0, "\"\(key)\" is required and yet has a default")
        if option.type == FP_T_ENUM {
            try bench.check(choices.contains(text), "\"\(key)\" has a default that is no choice")
        }
        if option.type == FP_T_BOOL {
            try bench.check(["true", "false"].contains(text), "\"\(key)\" is a BOOL with the default \"\(text)\"")
        }
        if option.type == FP_T_INT {
            let number = Int64(text)
            let isBounded = option.min != 0 || option.max != 0
            try bench.check(
                number.map { !isBounded || (option.min...option.max).contains($0) } ?? false,
                "\"\(key)\" has the default \"\(text)\", which it does not take")
        }
    }
}
