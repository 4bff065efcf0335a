-- Derive the ended stays from the ledger alone
-- no parameters
INSERT INTO closed_session
SELECT
    f.guild_id, f.user_id, f.channel_id, f.earliest_utc, f.latest_utc,
    f.end_earliest_utc, f.end_latest_utc,
    coalesce((
        SELECT sum(us_between(
            greatest(o.from_utc, f.latest_utc), least(o.to_utc, f.end_earliest_utc)
        ))::BIGINT
        FROM outage AS o
        WHERE o.guild_id = f.guild_id
            AND o.to_utc > f.latest_utc
            AND o.from_utc < f.end_earliest_utc
    ), 0),
    f.end_batch_id
FROM (
    SELECT
        *,
        lead(event) OVER next_fact AS end_event,
        lead(earliest_utc) OVER next_fact AS end_earliest_utc,
        lead(latest_utc) OVER next_fact AS end_latest_utc,
        lead(batch_id) OVER next_fact AS end_batch_id,
        lead(rowid) OVER next_fact AS end_number
    FROM user_activity
    WINDOW next_fact AS (PARTITION BY guild_id, user_id ORDER BY rowid)
) AS f
WHERE f.event = 'connect' AND f.end_event = 'disconnect'
ORDER BY f.end_number
