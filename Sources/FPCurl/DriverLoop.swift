import CCurl
import Glibc

/// What a ``Driver`` does on its thread.
final class DriverLoop {
    private struct Waiting {
        let key: any Driver.Key
        let deadline: ContinuousClock.Instant?
        let transfer: any DrivenTransfer
    }

    private struct Active {
        let key: any Driver.Key
        let transfer: any DrivenTransfer
        let easy: EasyHandle
    }

    private let multi: MultiHandle
    private let limits: Driver.Limits
    private var waiting: [Waiting] = []
    private var active: [ObjectIdentifier: Active] = [:]
    private var idle: [EasyHandle] = []
    private var isStopping = false

    private static let longestWait = Duration.seconds(60)

    init(_ multi: MultiHandle, _ limits: Driver.Limits) {
        self.multi = multi
        self.limits = limits
    }

    /// Runs transfers until a message says to stop.
    func run(_ messages: () -> [Driver.Message], _ report: (CurlFailure) -> Void) {
        while true {
            for message in messages() { handle(message) }
            if isStopping { break }
            do throws(CurlFailure) {
                admit()
                for (easy, code) in try multi.perform() { end(easy, code) }
                admit()
                try multi.wait(atMost: patience)
            } catch {
                report(error)
                // libcurl is out of memory or descriptors: nothing under way can be trusted to go on, later transfers may.
                for each in Array(active.values) { end(each, error) }
                // So that a lasting failure does not become a busy loop.
                poll(nil, 0, 100)
            }
        }
        for each in Array(active.values) { finish(each, .stopped) }
        for each in waiting { _ = each.transfer.end(.stopped) }
    }

    private func handle(_ message: Driver.Message) {
        switch message {
        case .start(let key, let deadline, let make):
            let transfer = make()
            if waiting.count >= limits.waiting, active.count + waiting.count - limits.waiting >= limits.concurrency {
                _ = transfer.end(CurlFailure(.noPlace, text: "\(waiting.count) transfers are waiting"))
            } else {
                waiting.append(Waiting(key: key, deadline: deadline, transfer: transfer))
            }
        case .proceed(let key):
            guard let transfer = active[ObjectIdentifier(key)] else { return }
            let code = transfer.easy.proceed()
            if code != CURLE_OK { end(transfer, transfer.easy.failure(code)) }
        case .abort(let key):
            abort(key)
        case .withdraw(let key):
            withdraw(key)
        case .stop:
            isStopping = true
        }
    }

    private func abort(_ key: any Driver.Key) {
        if let transfer = active[ObjectIdentifier(key)] {
            // A lookup cannot be stopped, so it keeps its place until it ends: otherwise clients that give up at once
            // could start any number of lookups.
            if transfer.easy.isResolving { transfer.easy.abandon() } else { finish(transfer, .aborted) }
        } else {
            withdraw(key)
        }
    }

    private func withdraw(_ key: any Driver.Key) {
        if let place = waiting.firstIndex(where: { $0.key === key }) {
            _ = waiting.remove(at: place).transfer.end(.aborted)
        }
    }

    /// Starts waiting transfers while there are places, and ends those that waited until their deadline.
    private func admit() {
        guard !waiting.isEmpty else { return }
        let now = ContinuousClock.now
        waiting.removeAll { each in
            guard let deadline = each.deadline, deadline <= now else { return false }
            _ = each.transfer.end(CurlFailure(.noPlace, text: "no place came free in time"))
            return true
        }
        while active.count < limits.concurrency, !waiting.isEmpty {
            let next = waiting.removeFirst()
            guard let options = next.transfer.begin() else { continue }
            make(options, next.key, next.transfer, on: idle.popLast())
        }
    }

    /// Makes a transfer's next request, and those after it if there are any that cannot even be begun.
    private func make(
        _ first: EasyOptions, _ key: any Driver.Key, _ transfer: any DrivenTransfer, on idle: EasyHandle?
    ) {
        var next: EasyOptions? = first
        while let options = next {
            do throws(CurlFailure) {
                let easy = if let idle { idle } else { try EasyHandle() }
                try easy.prepare(options, transfer)
                try multi.add(easy)
                active[ObjectIdentifier(key)] = Active(key: key, transfer: transfer, easy: easy)
                return
            } catch {
                next = transfer.end(error)
            }
        }
    }

    private func end(_ easy: EasyHandle, _ code: CURLcode) {
        guard let transfer = active.values.first(where: { $0.easy === easy }) else { return }
        end(transfer, easy.failure(code))
    }

    /// Takes a request's end, and goes on with the transfer's next one.
    private func end(_ transfer: Active, _ failure: CurlFailure?) {
        if let next = finish(transfer, failure) {
            make(next, transfer.key, transfer.transfer, on: transfer.easy)
        } else if idle.count < limits.idleHandles {
            idle.append(transfer.easy)
        }
    }

    @discardableResult
    private func finish(_ transfer: Active, _ failure: CurlFailure?) -> EasyOptions? {
        multi.remove(transfer.easy)
        transfer.easy.clear()
        active[ObjectIdentifier(transfer.key)] = nil
        return transfer.transfer.end(failure)
    }

    /// How long to wait for something to happen.
    private var patience: Duration {
        guard let next = waiting.compactMap(\.deadline).min() else { return Self.longestWait }
        return min(max(ContinuousClock.now.duration(to: next), .zero), Self.longestWait)
    }
}
