-- Voice time of the members of one server in a time window, longest first
-- guild_id UBIGINT, since_utc TIMESTAMP, now_utc TIMESTAMP, user_id UBIGINT or null for all, row_limit INTEGER
WITH stay AS (
    SELECT
        user_id, known_us, possible_from_utc, possible_to_utc,
        -- A move while we were blind is possible time in both channels; a member has it once.
        max(possible_to_utc) OVER (
            PARTITION BY user_id ORDER BY possible_from_utc, possible_to_utc
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS covered_until_utc
    FROM voice_between($guild_id::UBIGINT, $since_utc::TIMESTAMP, $now_utc::TIMESTAMP)
),
total AS (
    SELECT
        user_id,
        sum(known_us) AS known_us,
        sum(us_between(
            greatest(possible_from_utc, coalesce(covered_until_utc, possible_from_utc)),
            possible_to_utc
        )) AS possible_us,
        count(*) AS sessions
    FROM stay
    GROUP BY user_id
    HAVING possible_us > 0
),
ranked AS (
    SELECT
        user_id,
        (known_us / 1e6)::DOUBLE AS known_s,
        (greatest(0, possible_us - known_us) / 1e6)::DOUBLE AS unknown_s,
        sessions,
        row_number() OVER (ORDER BY known_us DESC, possible_us DESC, user_id) AS rank
    FROM total
)
SELECT user_id, known_s, unknown_s, sessions, rank
FROM ranked
WHERE $user_id::UBIGINT IS NULL OR user_id = $user_id::UBIGINT
ORDER BY rank
LIMIT $row_limit::BIGINT
