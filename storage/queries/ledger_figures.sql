-- How much the ledger holds
-- no parameters
SELECT
    (SELECT count(*) FROM user_activity) AS activity_rows,
    (SELECT count(*) FROM closed_session) AS sessions_closed,
    (SELECT count(*) FROM open_session) AS sessions_open,
    (SELECT count(*) FROM message_seen) AS messages,
    (SELECT count(*) FROM outage) AS outages,
    (SELECT coalesce(sum(known_s), 0)::DOUBLE FROM voice_session) AS voice_s,
    (SELECT coalesce(max(batch_id), 0) FROM batch) AS last_batch_id
