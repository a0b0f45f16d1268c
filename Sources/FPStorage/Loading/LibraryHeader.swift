/// The header of an ELF file, checked before the dynamic linker sees the file: its errors do not say what an operator
/// has to do, and a truncated file would crash it.
struct LibraryHeader {
    private let bytes: [UInt8]
    private let path: String

    /// - Throws: ``PluginLoadError`` if this machine cannot load the file as a library.
    static func check(_ file: TrustedFile) throws(PluginLoadError) {
        let header = LibraryHeader(bytes: file.bytes(at: 0, count: 64), path: file.path)
        try header.checkKind()
        try header.checkWhole(file)
    }

    private func checkKind() throws(PluginLoadError) {
        guard bytes.count == 64, bytes[0..<4].elementsEqual([0x7F, 0x45, 0x4C, 0x46]) else {
            throw refuse(
                .notALibrary, "it is not an ELF file, where a shared library (.so) for this machine is expected.")
        }
        let is64Bit = bytes[4] == 2
        let isLittleEndian = bytes[5] == 1
        let machine = isLittleEndian ? number(bytes, 18, UInt16.self) : number(bytes, 18, UInt16.self).byteSwapped
        guard is64Bit, isLittleEndian, machine == Self.ownMachine else {
            throw refuse(
                .wrongArchitecture,
                "it is built for \(Self.name(machine))\(is64Bit ? "" : ", 32-bit"), where this host runs on "
                    + "\(Self.name(Self.ownMachine)). Install the plugin's build for this machine.")
        }
        let type = number(bytes, 16, UInt16.self)
        guard type == Self.sharedObject else {
            throw refuse(
                .notALibrary,
                "it is an ELF file of type \(type), where a shared library (type \(Self.sharedObject)) is expected. "
                    + "Link it with -shared.")
        }
    }

    /// The linker maps what the program headers name, and gets SIGBUS where the file ends before that.
    private func checkWhole(_ file: TrustedFile) throws(PluginLoadError) {
        let offset = number(bytes, 32, UInt64.self)
        let entrySize = Int(number(bytes, 54, UInt16.self))
        let count = Int(number(bytes, 56, UInt16.self))
        guard entrySize >= Self.programHeaderSize else {
            throw refuse(.notALibrary, "its ELF program headers have \(entrySize) bytes each, where 56 are expected.")
        }
        let table = file.bytes(at: offset, count: count * entrySize)
        var end = offset.addingReportingOverflow(UInt64(count * entrySize)).partialValue
        if table.count == count * entrySize {
            for start in stride(from: 0, to: table.count, by: entrySize)
            where number(table, start, UInt32.self) == Self.loadable {
                let place = number(table, start + 8, UInt64.self)
                let (last, overflow) = place.addingReportingOverflow(number(table, start + 32, UInt64.self))
                end = max(end, overflow ? .max : last)
            }
        }
        guard end <= file.size else {
            throw refuse(
                .notALibrary,
                "it has \(file.size) bytes, where its own header speaks of \(end): it was cut short. Install it again.")
        }
    }

    private static let sharedObject: UInt16 = 3
    private static let loadable: UInt32 = 1
    private static let programHeaderSize = 56
    #if arch(x86_64)
    private static let ownMachine: UInt16 = 62
    #elseif arch(arm64)
    private static let ownMachine: UInt16 = 183
    #elseif arch(riscv64)
    private static let ownMachine: UInt16 = 243
    #endif

    private static func name(_ machine: UInt16) -> String {
        switch machine {
        case 3: "x86"
        case 40: "ARM"
        case 62: "x86-64"
        case 183: "AArch64"
        case 243: "RISC-V"
        default: "machine \(machine)"
        }
    }

    private func number<Number: FixedWidthInteger & BitwiseCopyable>(
        _ bytes: [UInt8], _ offset: Int, _: Number.Type
    ) -> Number {
        Number(littleEndian: bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) })
    }

    private func refuse(_ reason: PluginLoadError.Reason, _ message: String) -> PluginLoadError {
        PluginLoadError(reason, plugin: path, message: message)
    }
}
