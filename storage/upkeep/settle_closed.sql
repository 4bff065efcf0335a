-- Take the outage time out of the stays that ended in one batch
-- batch_id UBIGINT
UPDATE closed_session
SET blind_us = found.blind_us
FROM (
    SELECT
        s.rowid AS number,
        sum(us_between(
            greatest(o.from_utc, s.started_latest_utc), least(o.to_utc, s.ended_earliest_utc)
        ))::BIGINT AS blind_us
    FROM closed_session AS s
    JOIN outage AS o
        ON o.guild_id = s.guild_id
        AND o.to_utc > s.started_latest_utc
        AND o.from_utc < s.ended_earliest_utc
    WHERE s.batch_id = $batch_id::UBIGINT
    GROUP BY s.rowid
) AS found
WHERE closed_session.rowid = found.number AND closed_session.blind_us <> found.blind_us
