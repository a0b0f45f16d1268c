import FPFormats
import Foundation
import Support
import Testing

@testable import FPUploads

/// Beginnings of files.
enum Sample {
    static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13]
    static let jpeg: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0, 0, 16]
    static let gif = Array("GIF89a".utf8) + [1, 0, 1, 0]
    static let pdf = Array("%PDF-1.7\n".utf8)
    static let html = Array("\n<!DOCTYPE html><html><script>alert(1)</script>".utf8)
    static let svg = Array("<?xml version=\"1.0\"?><!-- a --><svg xmlns=\"http://www.w3.org/2000/svg\"/>".utf8)
    static let csv = Array("name,size\na,1\n".utf8)
    static let elf: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0]
    static let exe = Array("MZ".utf8) + [0x90, 0, 3, 0, 0, 0]
    static let script = Array("#!/bin/sh\nrm -rf /\n".utf8)
    static let php = Array("<?php system($_GET['c']);".utf8)
    static let ole: [UInt8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]
    static let docx = zip(["[Content_Types].xml", "_rels/.rels", "word/document.xml"])
    static let xlsx = zip(["[Content_Types].xml", "xl/workbook.xml"])
    static let plainZip = zip(["a.txt"])
    static let jar = zip(["META-INF/MANIFEST.MF"])
    static let odt = zip(["mimetype"], content: "application/vnd.oasis.opendocument.text")
    static let mp4 = box("isom", ["isom", "mp42"])
    static let heic = box("mif1", ["mif1", "heic"])
    static let avif = box("avif", ["mif1"])

    static func zip(_ names: [String], content: String = "x") -> [UInt8] {
        names.flatMap { name -> [UInt8] in
            var header: [UInt8] = [0x50, 0x4B, 0x03, 0x04] + [UInt8](repeating: 0, count: 22)
            header += [UInt8(name.utf8.count), 0, 0, 0] + Array(name.utf8) + Array(content.utf8)
            return header
        }
    }

    private static func box(_ major: String, _ others: [String]) -> [UInt8] {
        let body = Array("ftyp\(major)".utf8) + [0, 0, 0, 0] + others.flatMap { Array($0.utf8) }
        return [0, 0, 0, UInt8(body.count + 4)] + body
    }
}

@Suite("Types that are taken")
struct TypeRulesTests {
    private func rules(allow: [String] = [], forbid: [String] = []) throws -> TypeRules {
        TypeRules(
            allow: try allow.map { try TypePattern.parse($0).get() },
            forbid: try forbid.map { try TypePattern.parse($0).get() })
    }

    private func isTaken(_ name: String, _ head: [UInt8], _ rules: TypeRules, declared: String? = nil) -> Bool {
        let served = MediaType.of(signature: head, name: name, declared: declared)
        do throws(UploadError) {
            try rules.check(name: name, head: head, served: served)
            return true
        } catch {
            #expect(error.kind == .unsupportedType)
            return false
        }
    }

    @Test("without rules everything is taken")
    func none() throws {
        for head in [[], Sample.html, Sample.elf, Sample.png] {
            #expect(isTaken("x.php", head, try rules()))
            #expect(isTaken("x", head, try rules()))
        }
    }

    @Test(
        "an allowed file is taken under an extension of its type, and under no other",
        arguments: [
            ("a.png", Sample.png, true), ("a.PNG", Sample.png, true), ("a.jpg", Sample.png, false),
            ("a.html", Sample.png, false), ("a.png", Sample.html, false), ("a.png", Sample.jpeg, false),
            ("a.png", [], false), ("a.png", Sample.csv, false), ("a", Sample.png, false), ("png", Sample.png, false),
            ("a.png.", Sample.png, false), ("a.php.png", Sample.png, false), ("a.html.png", Sample.png, false),
            ("a.b.png", Sample.png, true), ("v1.2.png", Sample.png, true), ("example.com.png", Sample.png, true),
            ("a.heic", Sample.heic, true), ("a.avif", Sample.avif, true), ("a.avif", Sample.heic, false),
            ("a.svg", Sample.svg, true), ("a.svg", Sample.html, false), ("a.gif", Sample.gif + Sample.php, false),
            ("a.gif", Sample.gif + Sample.html, false), ("a.gif", Sample.gif + Sample.pdf, true),
            ("a.pdf", Sample.pdf, true), ("a.pdf", Sample.html, false), ("a.pdf", Sample.docx, false),
            ("a.csv", Sample.csv, true), ("a.csv", [], true), ("a.csv", Sample.html, false),
            ("a.csv", Sample.script, false), ("a.csv", Sample.png, false), ("a.csv", [0, 1, 2], false),
            ("a.csv", Sample.php, false), ("a.csv", Array("BMW,MZ\n".utf8), true),
            ("a.csv", Array("MZ,BM\n".utf8), true),
            ("a.csv", [0xFF, 0xFE] + Array("<\u{0}h\u{0}t\u{0}m\u{0}l\u{0}>\u{0}".utf8), false),
            ("a.docx", Sample.docx, true), ("a.docx", Sample.xlsx, false), ("a.docx", Sample.plainZip, true),
            ("a.docx", Sample.jar, false), ("a.docx", Sample.odt, false), ("a.zip", Sample.docx, false),
            ("a.dat", [1, 2, 3], true), ("a.dat", Sample.elf, false), ("a.dat", Sample.html, false),
            ("a.dat", Sample.png, true), ("a.doc", Sample.ole, false), ("a.mp4", Sample.mp4, false),
        ] as [(String, [UInt8], Bool)])
    func allowed(name: String, head: [UInt8], isTaken: Bool) throws {
        let rules = try rules(allow: [
            "image/*", "application/pdf", "text/csv", ".dat",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ])
        #expect(self.isTaken(name, head, rules) == isTaken)
    }

    @Test(
        "a forbidden file is not taken, whatever it is called, and a forbidden extension wherever it stands",
        arguments: [
            ("report.js.pdf", Sample.pdf, false), ("report.pdf", Sample.pdf, true), ("a.exe", Sample.csv, false),
            ("a.EXE", Sample.csv, false), ("a.exe ", Sample.csv, false), ("a\u{FF0E}exe", Sample.csv, false),
            ("a.exe%00.png", Sample.png, false), ("a.txt", Sample.exe, false), ("a.txt", Sample.elf, true),
            ("a.txt", Sample.html, false), ("a.htm", Sample.csv, false), ("a.bin", Sample.svg, false),
            ("a.txt", [0xEF, 0xBB, 0xBF] + Sample.html, false), ("a.png", Sample.png + Sample.html, false),
            ("a.zip", Sample.jar, false), ("a.zip", Sample.plainZip, true), ("a.jar", Sample.plainZip, false),
            ("a", Sample.jar, false), ("a.gif", Sample.gif, true), ("a", Sample.csv, true), ("a", [], true),
        ] as [(String, [UInt8], Bool)])
    func forbidden(name: String, head: [UInt8], isTaken: Bool) throws {
        let rules = try rules(forbid: [
            ".js", ".exe", "text/html", "image/svg+xml", "application/java-archive",
            "application/vnd.microsoft.portable-executable",
        ])
        #expect(self.isTaken(name, head, rules) == isTaken)
    }

    @Test("what is forbidden is forbidden even if it is allowed, and what a client claims counts as well")
    func both() throws {
        let rules = try rules(allow: ["image/*", ".dat"], forbid: ["image/svg+xml", "application/x-httpd-php"])
        #expect(isTaken("a.png", Sample.png, rules))
        #expect(!isTaken("a.svg", Sample.svg, rules))
        #expect(!isTaken("a.gif", Sample.gif + Sample.pdf, rules))
        #expect(isTaken("a.dat", [1], rules, declared: "text/plain"))
        #expect(!isTaken("a.dat", [1], rules, declared: "application/x-php"))
    }

    @Test("every type that bytes prove, or that a container may be, has an extension by which a rule can name it")
    func nameable() {
        let containers: Set<String> = ["application/x-ole-storage", "application/ogg"]
        for type in Container.provable.subtracting(containers) {
            #expect(FileExtension.knownTypes.contains(type), "\(type)")
        }
    }

    @Test("no beginning of a file, however it is made, is looked at for long or past its end")
    func random() throws {
        var random = SeededGenerator()
        print("seed \(random.seed)")
        let pieces = [
            Sample.png, Sample.gif, Sample.docx, Sample.odt, Sample.svg, Sample.html, Sample.mp4, Sample.pdf,
            Array("<!--".utf8), Array("<!doctype [".utf8), Array("<?".utf8), [0x50, 0x4B, 3, 4],
            [0x1A, 0x45, 0xDF, 0xA3],
        ]
        let all = try rules(allow: ["image/*", "text/html"], forbid: ["application/zip"])
        for _ in 0..<3000 {
            var head: [UInt8] = []
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                head +=
                    Bool.random(using: &random)
                    ? random.bytes(Int.random(in: 0...40, using: &random)) : pieces.randomElement(using: &random) ?? []
            }
            head = Array(head.prefix(Int.random(in: 0...head.count, using: &random)))
            _ = isTaken("a.png", head, all)
        }
    }
}
