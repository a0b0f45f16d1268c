import FPFormats

/// The deliveries of events as SQL. A waiting one is due at `next_try`; without that, it waits for another of its upload.
extension Connection {
    func due(to receiver: String, by now: Timestamp, limit: Int) throws -> [DueDelivery] {
        var due: [DueDelivery] = []
        try each(
            """
            SELECT d.event, e.id, d.upload, e.payload, d.attempts, d.replays
            FROM deliveries d JOIN events e ON e.number = d.event
            WHERE d.receiver = ? AND d.next_try <= ? ORDER BY d.next_try, d.event LIMIT ?
            """,
            receiver, now, max(0, limit)
        ) { row in
            due.append(
                DueDelivery(
                    receiver: receiver, number: row[0], id: row[1], upload: row[2], payload: row[3], attempts: row[4],
                    replays: row[5]))
        }
        return due
    }

    func nextTry(to receiver: String, after now: Timestamp) throws -> Timestamp? {
        try first(
            """
            SELECT next_try FROM deliveries WHERE receiver = ? AND next_try > ? ORDER BY next_try LIMIT 1
            """,
            receiver, now
        ) { $0[0] as Timestamp }
    }

    func record(_ outcome: AttemptOutcome, of delivery: DueDelivery, at now: Timestamp) throws {
        let (state, next, error): (DeliveryState, Timestamp?, String?) =
            switch outcome {
            case .delivered: (.delivered, nil, nil)
            case .failed(let error, let next): (.waiting, next, error)
            case .dead(let error): (.dead, nil, error)
            }
        try run(
            """
            UPDATE deliveries SET state = ?3, next_try = ?4, last_error = coalesce(?5, last_error), ended_at = ?6,
                attempts = attempts + 1
            WHERE event = ?1 AND receiver = ?2 AND state = 'waiting' AND attempts = ?7 AND replays = ?8
            """,
            delivery.number, delivery.receiver, state.rawValue, next, error, state == .waiting ? nil : now,
            delivery.attempts, delivery.replays)
        guard changesCount == 1, state != .waiting else { return }
        try makeNextDue(to: delivery.receiver, of: delivery.upload, at: now)
    }

    /// Has the next of an upload's waiting deliveries tried, if none is.
    private func makeNextDue(to receiver: String, of upload: String, at now: Timestamp) throws {
        try run(
            """
            UPDATE deliveries SET next_try = ?3 WHERE receiver = ?1 AND event = (
                SELECT min(event) FROM deliveries WHERE receiver = ?1 AND upload = ?2 AND state = 'waiting')
                AND NOT EXISTS (SELECT * FROM deliveries
                    WHERE receiver = ?1 AND upload = ?2 AND state = 'waiting' AND next_try IS NOT NULL)
            """,
            receiver, upload, now)
    }

    func events(matching query: EventQuery) throws -> [EventEntry] {
        try inSnapshot {
            var numbers: [Int64] = []
            let limit = min(max(query.limit, 1), 1000)
            if let state = query.state {
                // The index has the order within a state.
                try each(
                    """
                    SELECT DISTINCT event FROM deliveries INDEXED BY deliveries_by_state
                    WHERE state = ?1 AND event > ?2 AND (?3 IS NULL OR receiver = ?3) AND (?4 IS NULL OR upload = ?4)
                    ORDER BY event LIMIT ?5
                    """,
                    state.rawValue, query.after, query.receiver, query.upload, limit
                ) { numbers.append($0[0]) }
            } else {
                try each(
                    """
                    SELECT number FROM events WHERE number > ?1 AND (?3 IS NULL OR upload = ?3) AND (?2 IS NULL
                        OR EXISTS (SELECT * FROM deliveries WHERE event = number AND receiver = ?2))
                    ORDER BY number LIMIT ?4
                    """,
                    query.after, query.receiver, query.upload, limit
                ) { numbers.append($0[0]) }
            }
            return try numbers.compactMap(event(number:))
        }
    }

    private func event(number: Int64) throws -> EventEntry? {
        var deliveries: [DeliveryEntry] = []
        try each(
            """
            SELECT receiver, state, attempts, next_try, last_error, ended_at FROM deliveries
            WHERE event = ? ORDER BY receiver
            """,
            number
        ) { row in
            deliveries.append(
                DeliveryEntry(
                    receiver: row[0], state: DeliveryState(rawValue: row[1]) ?? .dead, attempts: row[2],
                    nextTry: row[3], lastError: row[4], endedAt: row[5]))
        }
        return try first("SELECT id, kind, upload, happened_at, payload FROM events WHERE number = ?", number) { row in
            EventEntry(
                number: number, id: row[0], kind: row[1], upload: row[2], happenedAt: row[3], payload: row[4],
                deliveries: deliveries)
        }
    }

    /// - Parameter receiver: who there is to be told.
    func replay(_ selection: ReplaySelection, to receiver: String, at now: Timestamp) throws -> Int {
        var chosen: [(event: Int64, upload: String)] = []
        switch selection {
        case .event(let id, _):
            try each(
                """
                SELECT d.event, d.upload FROM deliveries d JOIN events e ON e.number = d.event
                WHERE e.id = ? AND d.receiver = ?
                """,
                id, receiver
            ) { chosen.append(($0[0], $0[1])) }
        case .dead:
            try each("SELECT event, upload FROM deliveries WHERE state = 'dead' AND receiver = ?", receiver) {
                chosen.append(($0[0], $0[1]))
            }
        }
        for (event, upload) in chosen {
            try run(
                """
                UPDATE deliveries SET state = 'waiting', next_try = NULL, attempts = 0, ended_at = NULL,
                    replays = replays + 1
                WHERE event = ? AND receiver = ?
                """,
                event, receiver)
            try makeNextDue(to: receiver, of: upload, at: now)
        }
        return chosen.count
    }

    func retireReceivers(except names: [String], at now: Timestamp) throws -> Int {
        var gone: [String] = []
        try each("SELECT DISTINCT receiver FROM deliveries INDEXED BY deliveries_waiting WHERE state = 'waiting'") {
            gone.append($0[0])
        }
        var count = 0
        for receiver in gone where !names.contains(where: { $0.isSame(as: receiver) }) {
            try run(
                """
                UPDATE deliveries SET state = 'dead', next_try = NULL, ended_at = ?2,
                    last_error = 'the receiver is not in the settings any more'
                WHERE receiver = ?1 AND state = 'waiting'
                """,
                receiver, now)
            count += changesCount
        }
        return count
    }

    func pruneDeliveries(before moment: Timestamp, limit: Int) throws -> Int {
        var ended: [(event: Int64, receiver: String)] = []
        try each(
            "SELECT event, receiver FROM deliveries WHERE ended_at < ? ORDER BY ended_at LIMIT ?", moment, max(0, limit)
        ) { ended.append(($0[0], $0[1])) }
        for (event, receiver) in ended {
            try run("DELETE FROM deliveries WHERE event = ? AND receiver = ?", event, receiver)
            try run(
                """
                DELETE FROM events WHERE number = ?1 AND NOT EXISTS (SELECT * FROM deliveries WHERE event = ?1)
                """,
                event)
        }
        return ended.count
    }
}
