import FPPluginAPI

/// A buffer for an output (`fp_buf`), with bytes behind it that must stay as they are.
package final class GuardedBuffer {
    private let memory: UnsafeMutableRawBufferPointer
    package let capacity: Int

    package init(_ capacity: Int) {
        self.capacity = capacity
        memory = .allocate(byteCount: capacity + 64, alignment: 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0xC5)
    }

    deinit { memory.deallocate() }

    package var buffer: fp_buf { fp_buf(ptr: memory.baseAddress, cap: capacity, len: 0) }
    package var start: UnsafeMutableRawPointer? { memory.baseAddress }

    /// - Throws: `Broken` if something was written behind the buffer.
    package func check(_ slot: String) throws {
        guard memory[capacity...].allSatisfy({ $0 == 0xC5 }) else {
            throw Broken("\(slot) wrote behind the end of a buffer of \(capacity) bytes", .rule(2))
        }
    }
}

extension fp_buf {
    package var array: [UInt8] { Array(UnsafeRawBufferPointer(start: ptr, count: ptr == nil ? 0 : min(len, cap))) }
    package var string: String { String(decoding: array, as: UTF8.self) }
}

extension fp_str {
    package var array: [UInt8] { Array(UnsafeRawBufferPointer(start: ptr, count: ptr == nil ? 0 : len)) }
    package var string: String { String(decoding: array, as: UTF8.self) }
}

/// Lends bytes as the contract wants strings from the host (R2): with a zero behind them that does not count.
package func lend<Result>(_ bytes: [UInt8], _ body: (fp_str) throws -> Result) rethrows -> Result {
    try (bytes + [0]).withUnsafeBytes {
        try body(fp_str(ptr: $0.baseAddress?.assumingMemoryBound(to: CChar.self), len: bytes.count))
    }
}

package func lend<Result>(_ text: String, _ body: (fp_str) throws -> Result) rethrows -> Result {
    try lend(Array(text.utf8), body)
}

/// Lends a text, or what the contract calls absent.
package func lend<Result>(optional text: String?, _ body: (fp_str) throws -> Result) rethrows -> Result {
    if let text { try lend(text, body) } else { try body(fp_str()) }
}
