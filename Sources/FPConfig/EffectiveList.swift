/// Gathers every setting as text for `fphost check`, in the order of the table.
struct EffectiveList {
    private let values: DecodedValues
    private var replacements: [String: String] = [:]

    init(values: DecodedValues) {
        self.values = values
    }

    /// Shows the value that is in force in place of the one in the file.
    mutating func replace(_ key: String, _ text: String) {
        replacements[key] = text
    }

    mutating func replace(_ key: String, _ items: [String]) {
        replacements[key] = "[" + items.joined(separator: ", ") + "]"
    }

    func list(stores: [StoresDecoder.Decoded]) -> [EffectiveValue] {
        var list = Settings.hostKeys.compactMap { option -> EffectiveValue? in
            let node = values[option.key]
            guard let text = replacements[option.key] ?? node?.description else { return nil }
            return EffectiveValue(key: option.key, text: text, position: node?.position)
        }
        for (store, values) in stores.map({ ($0.store, $0.values) }) {
            for option in Settings.storeKeys {
                guard let node = values[option.key] else { continue }
                let key = "stores.\(store.name).\(option.key)"
                let hasGivenWay = option.key == "long_deadline" && store.longDeadline == store.deadline
                let shown = (hasGivenWay ? values["deadline"] : nil) ?? node
                list.append(EffectiveValue(key: key, text: shown.description, position: node.position))
            }
        }
        return list
    }
}
