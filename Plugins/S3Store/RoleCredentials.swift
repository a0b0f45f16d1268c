import FPFormats
import FPPluginKit
import S3Signature

/// A small request to a service of the machine or container.
/// - Returns: nil if there is no answer.
private func ask(
    _ engine: Engine, _ method: String, _ url: String, _ headers: [(name: String, value: String)],
    _ call: borrowing Call
) throws(PluginError) -> Reply? {
    let exchange = try engine.start(
        Engine.Request(
            method: method, url: url, headers: headers, connectTimeout: .seconds(1), usesProxy: false))
    do throws(PluginError) {
        let outcome = try exchange.outcome(call)
        return outcome.failure == nil ? Reply(head: outcome.head, body: outcome.body) : nil
    } catch {
        engine.abort(exchange)
        throw error
    }
}

/// The role of a container, from the address that ECS, EKS and others put into the environment.
struct ContainerCredentials: CredentialSource {
    let engine: Engine

    func fetch(_ call: borrowing Call) throws(PluginError) -> Credentials? {
        let url: String
        if let path = environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            url = "http://169.254.170.2" + path
        } else if let full = environment("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            let endpoint = try Endpoint(url: full, bucket: "", style: "path")
            let known = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"]
            guard endpoint.isSecure || endpoint.isLoopback || known.contains(endpoint.host ?? "") else {
                throw PluginError(
                    .auth, "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither HTTPS nor an address of this machine")
            }
            url = full
        } else {
            return nil
        }
        var headers: [(name: String, value: String)] = []
        let token =
            environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").flatMap(contents(of:))?.trimmed
            ?? environment("AWS_CONTAINER_AUTHORIZATION_TOKEN")
        if let token { headers.append(("Authorization", token)) }
        guard let reply = try ask(engine, "GET", url, headers, call), reply.isSuccess,
            let found = Credentials(json: reply.body)
        else { throw PluginError(.transient, "the container's credentials cannot be had from its own address") }
        return found
    }
}

/// The role of a machine, from version 2 of the instance metadata service.
struct MachineCredentials: CredentialSource {
    let engine: Engine

    func fetch(_ call: borrowing Call) throws(PluginError) -> Credentials? {
        guard environment("AWS_EC2_METADATA_DISABLED")?.lowercased() != "true" else { return nil }
        let base = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? "http://169.254.169.254"
        let life = (name: "X-aws-ec2-metadata-token-ttl-seconds", value: "21600")
        guard let session = try ask(engine, "PUT", base + "/latest/api/token", [life], call), session.isSuccess else {
            return nil
        }
        let token = (name: "X-aws-ec2-metadata-token", value: String(decoding: session.body, as: UTF8.self))
        let path = base + "/latest/meta-data/iam/security-credentials/"
        guard let roles = try ask(engine, "GET", path, [token], call), roles.isSuccess,
            let role = String(decoding: roles.body, as: UTF8.self).split(whereSeparator: \.isNewline).first
        else { return nil }
        let name = PercentEncoding.encode(String(role).trimmed, keepingSlashes: false)
        guard let reply = try ask(engine, "GET", path + name, [token], call), reply.isSuccess,
            let found = Credentials(json: reply.body)
        else { throw PluginError(.transient, "the machine's metadata service has a role, but no credentials for it") }
        return found
    }
}
