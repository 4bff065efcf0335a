-- The voice channels in which one member was longest, at most 3
-- guild_id UBIGINT, since_utc TIMESTAMP, now_utc TIMESTAMP, user_id UBIGINT
SELECT channel_id, (sum(known_us) / 1e6)::DOUBLE AS known_s
FROM voice_between($guild_id::UBIGINT, $since_utc::TIMESTAMP, $now_utc::TIMESTAMP)
WHERE user_id = $user_id::UBIGINT
GROUP BY channel_id
HAVING known_s > 0
ORDER BY known_s DESC, channel_id
LIMIT 3
