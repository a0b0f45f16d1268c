import FPFormats

extension FuzzTarget {
    /// Names, addresses and times that are texts: what is read is written as what is read as the same.
    static let text = FuzzTarget("text") { input in
        let text = String(decoding: input, as: UTF8.self)
        if let name = FileName.cleaned(text) {
            require(name.utf8.count <= FileName.maxBytes && !name.utf8.contains(UInt8(ascii: "/")), "no name: \(name)")
            require(FileName.cleaned(name)?.utf8.elementsEqual(name.utf8) == true, "cleaned, and not clean: \(name)")
        }
        if let address = IPAddress(text) {
            require(IPAddress("\(address)") == address, "another address: \(address)")
        }
        if let block = AddressBlock(text) {
            require(AddressBlock("\(block)") == block, "another block: \(block)")
        }
        if case .success(let origin) = Origin.parse(text) {
            guard case .success(let again) = Origin.parse(origin) else { return require(false, "no origin: \(origin)") }
            require(again == origin, "another origin: \(origin)")
        }
        if let moment = InternetTime.parse(text) {
            let written = InternetTime.text(millisecondsSince1970: moment)
            require(InternetTime.parse(written) == moment, "another time: \(written)")
        }
        _ = HostName.isValid(text)
        _ = Quantity.size.value(text)
        _ = Quantity.duration.value(text)
    }
}
