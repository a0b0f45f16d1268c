import Testing
@Suite("S3Store") struct Placeholder { @Test("placeholder") func a() {} }
