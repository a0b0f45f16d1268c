/// How requests are made, whatever they ask for.
struct TransportSettings: Sendable {
    var certificateAuthorities: String?
    var verifiesPeer = true
    var proxy: String?
    var connectTimeout = Duration.seconds(5)
    var readTimeout = Duration.seconds(60)
    var maxConnections = 32
    var userAgent = "fphost-S3Store"
}
