import FPFormats
import FPUploads

/// What a comparison of an upload's files has found, as the application API shows it.
enum VerificationDocument {
    static func json(_ verification: Verification) -> JSON {
        let upload = verification.upload
        let isDamaged = verification.findings.contains { $0.result == .mismatch || $0.result == .missing }
        return [
            "id": .string(upload.id.description),
            "damaged": .bool(isDamaged),
            "verified_at": UploadDocument.time(upload.verifiedAt),
            "files": .array(zip(upload.files, verification.findings).map(file)),
        ]
    }

    private static func file(_ file: UploadFile, _ finding: FileFinding) -> JSON {
        [
            "name": .text(file.name.isEmpty ? nil : file.name),
            "size": file.size.map { .integer($0) } ?? .null,
            "store": .string(file.store),
            "path": .text(file.path),
            "result": .string(finding.result.rawValue),
            "differs": .text(finding.aspect?.rawValue),
            "expected": .text(finding.expected),
            "found": .text(finding.found),
        ]
    }
}
