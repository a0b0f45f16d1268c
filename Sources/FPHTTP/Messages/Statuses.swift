public import HTTPTypes

extension HTTPResponse.Status {
    /// 413, by the name that it had before RFC 9110: clients and problem documents know it by that.
    public static let payloadTooLarge = HTTPResponse.Status(code: 413, reasonPhrase: "Payload Too Large")

    /// 507 (RFC 4918, section 11.5): a store has no room left.
    public static let insufficientStorage = HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage")

    /// The status with that code, 0 to 999, and with the reason phrase that it has in this server's other answers.
    public static func numbered(_ code: Int) -> HTTPResponse.Status {
        named.first { $0.code == code } ?? HTTPResponse.Status(code: code)
    }

    private static let named: [HTTPResponse.Status] = [
        .badRequest, .unauthorized, .forbidden, .notFound, .methodNotAllowed, .notAcceptable, .requestTimeout,
        .conflict,
        .gone, .lengthRequired, .preconditionFailed, .payloadTooLarge, .uriTooLong, .unsupportedMediaType,
        .rangeNotSatisfiable, .tooManyRequests, .internalServerError, .notImplemented, .badGateway, .serviceUnavailable,
        .gatewayTimeout, .insufficientStorage,
    ]
}
