/// The first bytes of an ELF file: enough to say in words what the dynamic linker would say in riddles.
struct LibraryHeader {
    /// - Throws: ``PluginLoadError`` if this machine cannot load the file as a library.
    static func check(_ head: [UInt8], path: String) throws(PluginLoadError) {
        guard head.count >= 20, head[0..<4].elementsEqual([0x7F, 0x45, 0x4C, 0x46]) else {
            throw PluginLoadError(
                .notALibrary, plugin: path,
                message: "it is not an ELF file, where a shared library (.so) for this machine is expected.")
        }
        let is64Bit = head[4] == 2
        let isLittleEndian = head[5] == 1
        let type = word(head, 16, littleEndian: isLittleEndian)
        let machine = word(head, 18, littleEndian: isLittleEndian)
        guard is64Bit, isLittleEndian, machine == ownMachine else {
            throw PluginLoadError(
                .wrongArchitecture, plugin: path,
                message: "it is built for \(name(machine))\(is64Bit ? "" : ", 32-bit"), where this host runs on "
                    + "\(name(ownMachine)). Install the plugin's build for this machine.")
        }
        guard type == sharedObject else {
            throw PluginLoadError(
                .notALibrary, plugin: path,
                message:
                    "it is an ELF file of type \(type), where a shared library (type \(sharedObject)) is expected. Link "
                    + "it with -shared.")
        }
    }

    private static let sharedObject: UInt16 = 3
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

    private static func word(_ bytes: [UInt8], _ index: Int, littleEndian: Bool) -> UInt16 {
        let (low, high) = littleEndian ? (bytes[index], bytes[index + 1]) : (bytes[index + 1], bytes[index])
        return UInt16(high) << 8 | UInt16(low)
    }
}
