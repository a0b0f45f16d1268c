import FPContractDriver
import FPPluginAPI
import Glibc

/// The files that readers hand out. A plugin may refuse any of them with E_UNSUPPORTED, as long as the reader is good.
enum ReadFDCases {
    static let all: [Case] = files + lives

    private static let files: [Case] = [
        readFD("constant", "the extension is the same every time") { bench in
            try AbiTableCases.checkExtension(FP_EXT_READ_FD, MemoryLayout<fp_ext_read_fd>.size, bench)
        },
        readFD("descriptor", "the descriptor is of a regular file, can be read, and is closed on exec") { bench in
            try bench.put(bench.key(), Pattern.bytes(5000))
            guard let file = try handed(bench, bench.store.open(bench.key())) else { return }
            var status = stat()
            try bench.check(fstat(file.descriptor, &status) == 0, "it is not open")
            try bench.check(status.st_mode & S_IFMT == S_IFREG, "it is no regular file")
            try bench.check(fcntl(file.descriptor, F_GETFL) & O_ACCMODE != O_WRONLY, "it is not open for reading")
            try bench.check(fcntl(file.descriptor, F_GETFD) & FD_CLOEXEC != 0, "it lacks FD_CLOEXEC", .rule(8))
        },
        readFD("whole", "the file holds the object's bytes") { bench in
            for size in [0, 1, try bench.unit + 100_007] {
                let bytes = Pattern.bytes(size)
                try bench.put(bench.key("\(size)"), bytes)
                try check(try handed(bench, bench.store.open(bench.key("\(size)"))), is: bytes, bench)
            }
        },
        readFD("ranges", "of a range, the piece is exactly its bytes") { bench in
            let bytes = Pattern.bytes(10_000)
            try bench.put(bench.key(), bytes)
            for (offset, length, due) in [
                (0, 1, 0..<1), (9999, 1, 9999..<10_000), (1234, 4321, 1234..<5555), (9000, 5000, 9000..<10_000),
                (10, FP_SIZE_UNKNOWN, 10..<10_000), (500, 0, 500..<500), (10_000, 0, 10_000..<10_000),
            ] as [(UInt64, UInt64, Range<Int>)] {
                let reader = try bench.store.open(bench.key(), offset: offset, length: length)
                try check(try handed(bench, reader), is: Array(bytes[due]), bench)
            }
        },
        readFD("rest", "after a read, the piece is what is left of it") { bench in
            let bytes = Pattern.bytes(10_000)
            try bench.put(bench.key(), bytes)
            let reader = try bench.store.open(bench.key(), offset: 100, length: 5000)
            let read = try reader.read(700)
            try check(try handed(bench, reader), is: Array(bytes[(100 + read.count)..<5100]), bench)
            _ = try reader.rest(limit: 5000)
            try check(try handed(bench, reader), is: [], bench)
        },
        readFD("reader-goes-on", "the reader goes on as if it had not been asked") { bench in
            let bytes = Pattern.bytes(50_000)
            try bench.put(bench.key(), bytes)
            let reader = try bench.store.open(bench.key())
            var read = try reader.read(1000)
            let file = try handed(bench, reader)
            read += try reader.read(1000)
            _ = try file?.bytes()
            read += try reader.rest(limit: 50_000)
            try bench.check(read, is: bytes, "what the reader gave")
        },
    ]

    private static let lives: [Case] = [
        readFD("reader-closed", "the file outlives its reader, and the store") { bench in
            let bytes = Pattern.bytes(20_000)
            try bench.put(bench.key(), bytes)
            let store = try bench.another()
            let reader = try store.open(bench.key())
            let file = try reader.file()
            reader.close()
            store.destroy()
            try check(file, is: bytes, bench)
        },
        readFD("two", "each call gives a descriptor of its own") { bench in
            let bytes = Pattern.bytes(20_000)
            try bench.put(bench.key(), bytes)
            let one = try bench.store.open(bench.key())
            let other = try bench.store.open(bench.key(), offset: 5000)
            var file = try one.file()
            let second = try one.file()
            let third = try other.file()
            let descriptors = [file, second, third].compactMap { $0?.descriptor }
            try bench.check(Set(descriptors).count == descriptors.count, "two are the same")
            file = nil
            try check(second, is: bytes, bench)
            other.close()
            try check(third, is: Array(bytes[5000...]), bench)
            try bench.check(try one.rest(limit: 20_000), is: bytes, "what the reader gave")
        },
        readFD("removed", "the file keeps its bytes when the object is removed") { bench in
            let bytes = Pattern.bytes(try bench.unit + 20_000)
            try bench.put(bench.key(), bytes)
            let reader = try bench.store.open(bench.key())
            let file = try reader.file()
            try bench.store.remove(bench.key())
            try check(file, is: bytes, bench)
            // Asked only now, it has the bytes of then, or none.
            try check(try? reader.file(), is: bytes, bench)
        },
        readFD(
            "replaced", "the file is the version that the reader was opened for", needs: [.caps(FP_CAP_ATOMIC_REPLACE)]
        ) { bench in
            let size = try bench.unit + 20_000
            let old = Pattern.bytes(size, seed: 1)
            try bench.put(bench.key(), old)
            let reader = try bench.store.open(bench.key())
            let file = try reader.file()
            try bench.put(bench.key(), Pattern.bytes(size, seed: 2))
            try check(file, is: old, bench)
            try check(try? reader.file(), is: old, bench)
        },
        readFD("leak", "a thousand files, closed by the host, leave nothing open") { bench in
            try bench.put(bench.key(), Pattern.bytes(100))
            for _ in 0..<5 { _ = try bench.store.open(bench.key()).file() }
            let before = ProcessState().descriptors.count
            for _ in 0..<1000 { _ = try bench.store.open(bench.key()).file() }
            let after = ProcessState().descriptors.count
            try bench.check(after <= before + 2, "\(after - before) more files are open")
        },
    ]

    private static func readFD(
        _ name: String, _ promise: String, needs: [Need] = [], _ run: @escaping @Sendable (Bench) throws -> Void
    ) -> Case {
        Case("file.\(name)", promise, .slot(FP_EXT_READ_FD), needs: [.readFD] + needs, run)
    }

    /// The reader's file. Where it has none, the reader must be as good as before.
    private static func handed(_ bench: Bench, _ reader: Reader) throws -> HandedFile? {
        if let file = try reader.file() { return file }
        _ = try reader.read()
        return nil
    }

    private static func check(_ file: HandedFile?, is bytes: [UInt8], _ bench: Bench) throws {
        guard let file else { return }
        try bench.check(file.length == bytes.count, "read_fd gives \(file.length) bytes of \(bytes.count)")
        try bench.check(try file.bytes(), is: bytes, "the piece of the file")
    }
}
