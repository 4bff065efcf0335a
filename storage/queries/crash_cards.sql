-- Crashes of actors, equal ones together, newest first
-- card VARCHAR (null for all), row_limit UBIGINT
SELECT
    card, state, count, first_utc, last_utc, headline, kinds, last_actor, last_in_hand,
    last_version, stack, fixed_in, reopened_utc
FROM crash_card
WHERE $card IS NULL OR card = $card
ORDER BY last_utc DESC, card
LIMIT $row_limit
