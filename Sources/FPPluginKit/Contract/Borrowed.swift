import FPPluginAPI
import Glibc

/// A struct of the contract that starts with `struct_size` and may grow at its end.
protocol SizedStruct {
    init()
    var struct_size: UInt32 { get set }
}

extension fp_error: SizedStruct {}
extension fp_call: SizedStruct {}
extension fp_host: SizedStruct {}
extension fp_node: SizedStruct {}
extension fp_caps: SizedStruct {}
extension fp_health: SizedStruct {}
extension fp_info: SizedStruct {}
extension fp_read_req: SizedStruct {}
extension fp_file_piece: SizedStruct {}
extension fp_write_req: SizedStruct {}
extension fp_write_state: SizedStruct {}
extension fp_resume_req: SizedStruct {}
extension fp_commit_req: SizedStruct {}
extension fp_copy_req: SizedStruct {}
extension fp_list_req: SizedStruct {}
extension fp_list_res: SizedStruct {}
extension fp_presign_req: SizedStruct {}
extension fp_presign_res: SizedStruct {}

/// How many bytes of the host's struct both sides know.
private func sharedSize<Struct: SizedStruct>(_ pointer: UnsafePointer<Struct>) -> Int {
    // The size is read alone: a struct from an older host may be shorter than our idea of it.
    let claimed = Int(UnsafeRawPointer(pointer).load(as: UInt32.self))
    return min(claimed, MemoryLayout<Struct>.size)
}

/// A copy of a struct from the host in which every field that the host does not know reads as zero (R1).
func readHostStruct<Struct: SizedStruct>(_ pointer: UnsafePointer<Struct>) -> Struct {
    var copy = Struct()
    withUnsafeMutableBytes(of: &copy) { $0.baseAddress?.copyMemory(from: pointer, byteCount: sharedSize(pointer)) }
    return copy
}

/// Lets `fill` set fields of a struct that the host owns.
///
/// Fields beyond the host's `struct_size` read as zero (so its buffers there count as not wanted) and what is set in
/// them goes nowhere: not one byte past that size is written (R1).
func withHostStruct<Struct: SizedStruct>(
    _ pointer: UnsafeMutablePointer<Struct>, _ fill: (inout Struct) -> Void
) {
    let size = sharedSize(UnsafePointer(pointer))
    var copy = readHostStruct(UnsafePointer(pointer))
    let owned = copy.struct_size
    fill(&copy)
    copy.struct_size = owned
    withUnsafeBytes(of: copy) { bytes in
        if let base = bytes.baseAddress { UnsafeMutableRawPointer(pointer).copyMemory(from: base, byteCount: size) }
    }
}

extension fp_str {
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: ptr, count: ptr == nil ? 0 : len) }

    /// The text, or nil if it is absent. Invalid UTF-8 is repaired: use `validText` where it must not be.
    var text: String? { ptr == nil ? nil : String(decoding: bytes, as: UTF8.self) }

    var validText: String? { String(validating: bytes, as: UTF8.self) }
}

extension fp_buf {
    /// Copies `bytes` if they fit. A part of a token, cursor, tag or URL would be worse than none.
    /// - Returns: false if they do not fit in a buffer that was asked for.
    @discardableResult
    mutating func fill(whole bytes: some Collection<UInt8>) -> Bool {
        len = 0
        guard cap > 0, let ptr else { return true }
        guard bytes.count <= cap else { return false }
        UnsafeMutableRawBufferPointer(start: ptr, count: cap).copyBytes(from: bytes)
        len = bytes.count
        return true
    }

    /// Copies `text` as one line, cut at a character's boundary where the buffer ends.
    mutating func fill(line text: String) {
        len = 0
        guard cap > 0, let ptr else { return }
        let target = UnsafeMutableRawBufferPointer(start: ptr, count: cap)
        for scalar in text.unicodeScalars {
            let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            let encoded = UTF8.encode(isControl ? " " : scalar)
            guard let encoded, len + encoded.count <= cap else { return }
            for unit in encoded {
                target[len] = unit
                len += 1
            }
        }
    }
}

/// Lends `text` to a C function as an `fp_str`, for the duration of `body`.
func withBorrowed<Result>(_ text: String, _ body: (fp_str) -> Result) -> Result {
    var text = text
    return text.withUTF8 { utf8 in
        utf8.withMemoryRebound(to: CChar.self) { body(fp_str(ptr: $0.baseAddress, len: $0.count)) }
    }
}

/// Lends `bytes` to a C function as an `fp_str`, for the duration of `body`.
func withBorrowed<Result>(_ bytes: [UInt8], _ body: (fp_str) -> Result) -> Result {
    bytes.withUnsafeBufferPointer { buffer in
        buffer.withMemoryRebound(to: CChar.self) { body(fp_str(ptr: $0.baseAddress, len: $0.count)) }
    }
}
