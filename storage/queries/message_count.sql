-- How many messages one member wrote in one server in a time window
-- guild_id UBIGINT, since_utc TIMESTAMP, now_utc TIMESTAMP, user_id UBIGINT
SELECT count(*)
FROM message_seen
WHERE guild_id = $guild_id::UBIGINT
    AND user_id = $user_id::UBIGINT
    AND at_utc >= $since_utc::TIMESTAMP
    AND at_utc <= $now_utc::TIMESTAMP
