import FPPluginAPI

/// Text and bytes on their way across the contract, where `fp_str` is borrowed and `fp_buf` is the caller's.

extension String {
    /// Lends the string to a plugin: UTF-8 with a NUL behind it, as R2 promises.
    func withContractString<R, E: Error>(_ body: (fp_str) throws(E) -> R) throws(E) -> R {
        let result: Result<R, E> = withCString { bytes in
            do throws(E) {
                return .success(try body(fp_str(ptr: bytes, len: utf8.count)))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}

extension Optional where Wrapped == String {
    /// Lends the string to a plugin; `nil` is the absent string.
    func withContractString<R, E: Error>(_ body: (fp_str) throws(E) -> R) throws(E) -> R {
        switch self {
        case .some(let string): try string.withContractString(body)
        case .none: try body(fp_str(ptr: nil, len: 0))
        }
    }
}

extension [UInt8] {
    /// Lends the bytes to a plugin with a NUL behind them, as R2 promises of every `fp_str` from the host.
    func withContractString<R, E: Error>(_ body: (fp_str) throws(E) -> R) throws(E) -> R {
        if isEmpty { return try body(fp_str(ptr: nil, len: 0)) }
        let result: Result<R, E> = (self + [0]).withUnsafeBytes { bytes in
            do throws(E) {
                let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
                return .success(try body(fp_str(ptr: start, len: count)))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}

extension fp_str {
    /// A copy as a string; bytes that are not UTF-8 become U+FFFD.
    var string: String {
        guard let ptr, len > 0 else { return "" }
        return String(decoding: UnsafeRawBufferPointer(start: ptr, count: len), as: UTF8.self)
    }

    /// A copy of the bytes.
    var bytes: [UInt8] {
        guard let ptr, len > 0 else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: ptr, count: len))
    }
}

extension fp_buf {
    /// Whether the plugin claims to have written more than it was given room for.
    var isOverfull: Bool { len > cap }

    /// A copy of what the plugin wrote, never more than there is room for.
    var bytes: [UInt8] {
        guard let ptr, len > 0 else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: ptr, count: min(len, cap)))
    }

    /// What the plugin wrote as text, `nil` if nothing.
    var string: String? {
        guard let ptr, len > 0 else { return nil }
        return String(decoding: UnsafeRawBufferPointer(start: ptr, count: min(len, cap)), as: UTF8.self)
    }
}

extension String {
    /// The text on one line: control characters, which could forge or break log lines, become spaces.
    var singleLine: String {
        if utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 != 0xC2 }) { return self }
        return String(
            String.UnicodeScalarView(unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }
}
