import FPUploads
import Testing

@Suite("What was agreed of an upload")
struct AllowanceTests {
    @Test("it holds after a restart, and where the length is told last or never")
    func restart() async throws {
        let house = try await House()
        var allowance = Allowance()
        allowance.terms.maxSize = 6
        let uploader = Uploader(allowance: allowance)
        let counted = try await house.uploads.create(length: nil, metadata: nil, name: "a", by: uploader).id
        let open = try await house.uploads.create(length: nil, metadata: nil, name: "b", by: uploader).id
        let bytes = Array("abcdefg".utf8)
        try await house.appendInOrder(open, at: 0, Array(bytes[..<3]), isLast: false)
        try await house.restart()
        #expect(await failure { try await house.append(counted, bytes, 0..<7) } == .tooLarge)
        #expect(await failure { try await house.append(counted, bytes, 0..<3) } == .tooLarge)
        let six = Array(bytes[..<6])
        #expect(try await house.append(counted, six, 0..<6).state == .complete)
        for tellsLength in [true, false] {
            let tooMuch = await failure {
                try await house.appendInOrder(open, at: 3, Array(bytes[3...]), tellsLength: tellsLength, isLast: true)
            }
            #expect(tooMuch == .tooLarge)
        }
        await house.close()
    }
}
