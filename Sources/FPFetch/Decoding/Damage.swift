/// What is wrong with a compressed body, for the operator's log.
struct Damage: Error {
    let problem: String
}
