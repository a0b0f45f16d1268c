import FPFormats

/// Replaces `${NAME}` and `${NAME:-default}` by the environment, and `$$` by a dollar sign.
struct VariableExpansion {
    struct Failure: Equatable {
        /// Characters before the `$` that is wrong.
        var offset: Int
        var message: String
    }

    let environment: [String: String]

    /// The text with every variable replaced, and what was wrong with those that could not be.
    func expand(_ text: String) -> (text: String, failures: [Failure]) {
        guard text.utf8.contains(UInt8(ascii: "$")) else { return (text, []) }
        let scalars = Array(text.unicodeScalars)
        var result = String.UnicodeScalarView()
        var failures: [Failure] = []
        // No variable can end after this. To search for each end would be quadratic in a text of many "${" and no "}".
        let lastEnd = scalars.lastIndex(of: "}") ?? -1
        var index = 0
        while index < scalars.count {
            guard scalars[index] == "$" else {
                result.append(scalars[index])
                index += 1
                continue
            }
            let next = index + 1 < scalars.count ? scalars[index + 1] : nil
            if next == "$" {
                result.append("$")
                index += 2
            } else if next == "{", index < lastEnd, let end = scalars[index...].firstIndex(of: "}") {
                switch value(of: scalars[(index + 2)..<end]) {
                case .success(let value): result.append(contentsOf: value.unicodeScalars)
                case .failure(let complaint): failures.append(Failure(offset: index, message: complaint.text))
                }
                index = end + 1
            } else {
                let message =
                    next == "{"
                    ? "\"${\" has no closing \"}\"; write ${NAME}, or $$ for a dollar sign"
                    : "a single $ means nothing; write ${NAME} for a variable, or $$ for a dollar sign"
                failures.append(Failure(offset: index, message: message))
                index += 1
            }
        }
        return (String(result), failures)
    }

    /// As in a shell, `:-` also replaces a variable that is set to nothing.
    private func value(of expression: ArraySlice<Unicode.Scalar>) -> Result<String, Complaint> {
        let name = expression.prefix { Self.isNameScalar($0) }
        let rest = expression.dropFirst(name.count)
        let spelled = Self.string(expression)
        guard let first = name.first, !("0"..."9").contains(first),
            rest.isEmpty || rest.starts(with: ":-".unicodeScalars)
        else {
            return .failure(
                Complaint("\(quoted("${\(spelled)}")) is not a variable; write ${NAME} or ${NAME:-default}")
            )
        }
        let fallback = rest.dropFirst(2)
        if fallback.contains("$") {
            return .failure(
                Complaint(
                    "\(quoted("${\(spelled)}")) has a $ in its default; a default is plain text and refers to no variable"
                ))
        }
        let variable = Self.string(name)
        let value = environment[variable]
        if rest.isEmpty {
            guard let value else {
                return .failure(
                    Complaint(
                        "the environment variable \(quoted(variable)) is not set; "
                            + "set it, or give a default: ${\(variable):-default}"
                    )
                )
            }
            return .success(value)
        }
        return .success(value.flatMap { $0.isEmpty ? nil : $0 } ?? Self.string(fallback))
    }

    static func isNameScalar(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "A"..."Z", "a"..."z", "0"..."9", "_": true
        default: false
        }
    }

    private static func string(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }
}
