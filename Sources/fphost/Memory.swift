import CLinux

/// How the process deals with memory that it has no use for at the moment.
enum Memory {
    /// Keeps what the buffers of fast bodies take, for the next ones: by default the C library gives blocks of their size
    /// back to the system at once, and each of their pages is then missing, and cleared, anew.
    static func keepForBuffers() {
        cl_keep_freed_memory(4 << 20, 16 << 20)
    }
}
