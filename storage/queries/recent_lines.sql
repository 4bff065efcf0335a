-- The newest facts, newest first; a move is one line
-- row_limit INTEGER
WITH newest AS (
    SELECT rowid AS number, *
    FROM user_activity
    WHERE rowid > (SELECT max(rowid) FROM user_activity) - 2 * $row_limit::BIGINT
),
fact AS (
    SELECT
        guild_id, user_id, channel_id,
        if(move_id IS NULL, event::VARCHAR, 'move') AS event,
        origin::VARCHAR AS origin, at_utc, batch_id, number
    FROM newest
    WHERE move_id IS NULL OR event = 'connect'
),
written AS (
    SELECT
        guild_id, user_id, channel_id, 'message' AS event,
        'gateway' AS origin, at_utc, batch_id, rowid AS number
    FROM message_seen
    WHERE rowid > (SELECT max(rowid) FROM message_seen) - $row_limit::BIGINT
)
SELECT guild_id, user_id, channel_id, event, origin, at_utc
FROM (FROM fact UNION ALL FROM written)
ORDER BY batch_id DESC, at_utc DESC, number DESC
LIMIT $row_limit::BIGINT
