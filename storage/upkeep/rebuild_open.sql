-- Derive the stays that go on from the ledger alone
-- no parameters
INSERT INTO open_session
SELECT guild_id, user_id, channel_id, earliest_utc, latest_utc, batch_id
FROM user_activity
QUALIFY event = 'connect'
    AND row_number() OVER (PARTITION BY guild_id, user_id ORDER BY rowid DESC) = 1
ORDER BY rowid
