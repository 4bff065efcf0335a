-- The activity ledger: facts, what follows from them, and who wrote them when

COMMENT ON TABLE migration IS 'The changes of the schema that were made, in order.';
COMMENT ON COLUMN migration.number IS 'Counts 1, 2, 3.';
COMMENT ON COLUMN migration.name IS 'The file in storage/migrations/, without its ending.';
COMMENT ON COLUMN migration.applied_utc IS 'When.';

CREATE TYPE activity_event AS ENUM ('connect', 'disconnect');
CREATE TYPE activity_origin AS ENUM ('gateway', 'snapshot', 'shutdown', 'outage', 'import');

CREATE TABLE batch (
    batch_id UBIGINT PRIMARY KEY,
    run_id UUID NOT NULL,
    first_position UBIGINT NOT NULL,
    last_position UBIGINT NOT NULL,
    committed_utc TIMESTAMP NOT NULL,
    row_count UINTEGER NOT NULL
);
COMMENT ON TABLE batch IS 'One row for each transaction of the recorder that stored facts.';
COMMENT ON COLUMN batch.batch_id IS 'Counts 1, 2, 3 over all runs; every other table names the batch of each row.';
COMMENT ON COLUMN batch.run_id IS 'The run of the bot that wrote it: one for each recorder mailbox.';
COMMENT ON COLUMN batch.first_position IS 'Position of its first message in that mailbox.';
COMMENT ON COLUMN batch.last_position IS 'Position of its last message; what came up to here is stored and is not stored again.';
COMMENT ON COLUMN batch.committed_utc IS 'When it was written.';
COMMENT ON COLUMN batch.row_count IS 'How many facts it holds, watermarks and derived rows not counted.';

CREATE TABLE user_activity (
    guild_id UBIGINT NOT NULL,
    user_id UBIGINT NOT NULL,
    channel_id UBIGINT NOT NULL,
    event activity_event NOT NULL,
    at_utc TIMESTAMP NOT NULL,
    earliest_utc TIMESTAMP NOT NULL,
    latest_utc TIMESTAMP NOT NULL,
    origin activity_origin NOT NULL,
    move_id UUID,
    flags UTINYINT NOT NULL,
    batch_id UBIGINT NOT NULL
);
COMMENT ON TABLE user_activity IS 'The ledger: one fact about one member and one voice channel in each row, in the order in which they became known.';
COMMENT ON COLUMN user_activity.guild_id IS 'The Discord server.';
COMMENT ON COLUMN user_activity.user_id IS 'The member.';
COMMENT ON COLUMN user_activity.channel_id IS 'The voice channel that was joined or left.';
COMMENT ON COLUMN user_activity.event IS 'connect or disconnect; a move is one of each.';
COMMENT ON COLUMN user_activity.at_utc IS 'When the bot learned it.';
COMMENT ON COLUMN user_activity.earliest_utc IS 'It did not happen before this.';
COMMENT ON COLUMN user_activity.latest_utc IS 'It did not happen after this; equal to earliest_utc where Discord told us at once.';
COMMENT ON COLUMN user_activity.origin IS 'How we know: gateway (told at once), snapshot (found on looking), shutdown (we stopped), outage (ended while we were blind), import.';
COMMENT ON COLUMN user_activity.move_id IS 'Shared by the two rows of a move.';
COMMENT ON COLUMN user_activity.flags IS 'Sum of 1 self mute, 2 self deaf, 4 mute, 8 deaf, 16 stream, 32 video, 64 suppress.';
COMMENT ON COLUMN user_activity.batch_id IS 'The batch that wrote the row.';

CREATE TABLE message_seen (
    guild_id UBIGINT NOT NULL,
    user_id UBIGINT NOT NULL,
    channel_id UBIGINT NOT NULL,
    message_id UBIGINT NOT NULL,
    at_utc TIMESTAMP NOT NULL,
    length UINTEGER NOT NULL,
    batch_id UBIGINT NOT NULL
);
COMMENT ON TABLE message_seen IS 'Messages that were written where the bot could see them; never their text.';
COMMENT ON COLUMN message_seen.guild_id IS 'The Discord server.';
COMMENT ON COLUMN message_seen.user_id IS 'Who wrote it.';
COMMENT ON COLUMN message_seen.channel_id IS 'Where.';
COMMENT ON COLUMN message_seen.message_id IS 'Its Discord id.';
COMMENT ON COLUMN message_seen.at_utc IS 'When the bot saw it.';
COMMENT ON COLUMN message_seen.length IS 'In characters; 0 where Discord does not show the bot what was written, which is everywhere without the message content intent.';
COMMENT ON COLUMN message_seen.batch_id IS 'The batch that wrote the row.';

CREATE TABLE outage (
    guild_id UBIGINT NOT NULL,
    from_utc TIMESTAMP NOT NULL,
    to_utc TIMESTAMP NOT NULL,
    cause VARCHAR NOT NULL,
    batch_id UBIGINT NOT NULL
);
COMMENT ON TABLE outage IS 'Times in which the bot was blind for a server; those of one server never overlap.';
COMMENT ON COLUMN outage.guild_id IS 'The Discord server.';
COMMENT ON COLUMN outage.from_utc IS 'All before this was seen.';
COMMENT ON COLUMN outage.to_utc IS 'The snapshot that ended it.';
COMMENT ON COLUMN outage.cause IS 'Why, in words.';
COMMENT ON COLUMN outage.batch_id IS 'The batch that wrote the row.';

CREATE TABLE supervision_event (
    supervisor VARCHAR NOT NULL,
    child VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    action VARCHAR NOT NULL,
    at_utc TIMESTAMP NOT NULL,
    batch_id UBIGINT NOT NULL
);
COMMENT ON TABLE supervision_event IS 'What supervisors saw and did: starts, crashes, restarts, stops.';
COMMENT ON COLUMN supervision_event.supervisor IS 'Name of the supervisor in the tree.';
COMMENT ON COLUMN supervision_event.child IS 'Name of the actor that it happened to.';
COMMENT ON COLUMN supervision_event.reason IS 'Why; empty for a first start.';
COMMENT ON COLUMN supervision_event.action IS 'What was done about it.';
COMMENT ON COLUMN supervision_event.at_utc IS 'When.';
COMMENT ON COLUMN supervision_event.batch_id IS 'The batch that wrote the row.';

CREATE TABLE watermark (
    guild_id UBIGINT NOT NULL,
    seen_until_utc TIMESTAMP NOT NULL,
    closed_cleanly BOOLEAN NOT NULL,
    batch_id UBIGINT NOT NULL
);
COMMENT ON TABLE watermark IS 'Until when each server was seen, newest row last; older rows are thinned out. Read guild_state.';
COMMENT ON COLUMN watermark.guild_id IS 'The Discord server.';
COMMENT ON COLUMN watermark.seen_until_utc IS 'All that happened there before this is in the ledger.';
COMMENT ON COLUMN watermark.closed_cleanly IS 'The bot stopped watching it on purpose, and recorded the end of each stay.';
COMMENT ON COLUMN watermark.batch_id IS 'The last batch when it was written.';

CREATE TABLE closed_session (
    guild_id UBIGINT NOT NULL,
    user_id UBIGINT NOT NULL,
    channel_id UBIGINT NOT NULL,
    started_earliest_utc TIMESTAMP NOT NULL,
    started_latest_utc TIMESTAMP NOT NULL,
    ended_earliest_utc TIMESTAMP NOT NULL,
    ended_latest_utc TIMESTAMP NOT NULL,
    blind_us BIGINT NOT NULL,
    batch_id UBIGINT NOT NULL
);
COMMENT ON TABLE closed_session IS 'Stays that have ended. Derived from user_activity and outage; read voice_session.';
COMMENT ON COLUMN closed_session.guild_id IS 'The Discord server.';
COMMENT ON COLUMN closed_session.user_id IS 'The member.';
COMMENT ON COLUMN closed_session.channel_id IS 'The voice channel.';
COMMENT ON COLUMN closed_session.started_earliest_utc IS 'It did not begin before this.';
COMMENT ON COLUMN closed_session.started_latest_utc IS 'It had begun by then.';
COMMENT ON COLUMN closed_session.ended_earliest_utc IS 'It did not end before this.';
COMMENT ON COLUMN closed_session.ended_latest_utc IS 'It had ended by then.';
COMMENT ON COLUMN closed_session.blind_us IS 'Outage time between started_latest_utc and ended_earliest_utc, in microseconds.';
COMMENT ON COLUMN closed_session.batch_id IS 'The batch that wrote its end.';

CREATE TABLE open_session (
    guild_id UBIGINT NOT NULL,
    user_id UBIGINT NOT NULL,
    channel_id UBIGINT NOT NULL,
    started_earliest_utc TIMESTAMP NOT NULL,
    started_latest_utc TIMESTAMP NOT NULL,
    batch_id UBIGINT NOT NULL
);
COMMENT ON TABLE open_session IS 'Stays that go on, at most one for each member. Derived from user_activity; read voice_session.';
COMMENT ON COLUMN open_session.guild_id IS 'The Discord server.';
COMMENT ON COLUMN open_session.user_id IS 'The member.';
COMMENT ON COLUMN open_session.channel_id IS 'The voice channel.';
COMMENT ON COLUMN open_session.started_earliest_utc IS 'It did not begin before this.';
COMMENT ON COLUMN open_session.started_latest_utc IS 'It had begun by then.';
COMMENT ON COLUMN open_session.batch_id IS 'The batch that wrote its begin.';

CREATE VIEW guild_state AS
SELECT
    guild_id,
    max(seen_until_utc) AS seen_until_utc,
    arg_max(closed_cleanly, rowid) AS closed_cleanly
FROM watermark
GROUP BY guild_id;
COMMENT ON VIEW guild_state IS 'Until when each server was seen, one row each.';
COMMENT ON COLUMN guild_state.guild_id IS 'The Discord server.';
COMMENT ON COLUMN guild_state.seen_until_utc IS 'All that happened there before this is in the ledger.';
COMMENT ON COLUMN guild_state.closed_cleanly IS 'The bot stopped watching it on purpose, and recorded the end of each stay.';

CREATE MACRO us_between(a, b) AS greatest(0, date_diff('microsecond', a, b));
COMMENT ON MACRO us_between IS 'Microseconds from a to b; 0 if b is not later.';

CREATE VIEW voice_session AS
WITH open_until AS (
    SELECT s.*, greatest(s.started_latest_utc, g.seen_until_utc) AS until_utc
    FROM open_session AS s
    LEFT JOIN guild_state AS g USING (guild_id)
),
open_blind AS (
    SELECT
        s.guild_id,
        s.user_id,
        sum(us_between(
            greatest(o.from_utc, s.started_latest_utc), least(o.to_utc, s.until_utc)
        ))::BIGINT AS blind_us
    FROM open_until AS s
    JOIN outage AS o
        ON o.guild_id = s.guild_id
        AND o.to_utc > s.started_latest_utc
        AND o.from_utc < s.until_utc
    GROUP BY s.guild_id, s.user_id
),
stay AS (
    SELECT
        guild_id, user_id, channel_id, started_earliest_utc, started_latest_utc,
        ended_earliest_utc, ended_latest_utc,
        us_between(started_latest_utc, ended_earliest_utc) - blind_us AS known_us,
        us_between(started_earliest_utc, ended_latest_utc) AS possible_us
    FROM closed_session
    UNION ALL
    SELECT
        guild_id, user_id, channel_id, started_earliest_utc, started_latest_utc,
        NULL, NULL,
        us_between(started_latest_utc, until_utc) - coalesce(blind_us, 0) AS known_us,
        us_between(started_earliest_utc, until_utc) AS possible_us
    FROM open_until
    LEFT JOIN open_blind USING (guild_id, user_id)
)
SELECT
    guild_id, user_id, channel_id, started_earliest_utc, started_latest_utc,
    ended_earliest_utc, ended_latest_utc,
    known_us / 1e6 AS known_s,
    (possible_us - known_us) / 1e6 AS unknown_s
FROM stay;
COMMENT ON VIEW voice_session IS 'Stays in voice channels: they follow from user_activity and outage and from nothing else.';
COMMENT ON COLUMN voice_session.guild_id IS 'The Discord server.';
COMMENT ON COLUMN voice_session.user_id IS 'The member.';
COMMENT ON COLUMN voice_session.channel_id IS 'The voice channel.';
COMMENT ON COLUMN voice_session.started_earliest_utc IS 'It did not begin before this.';
COMMENT ON COLUMN voice_session.started_latest_utc IS 'It had begun by then.';
COMMENT ON COLUMN voice_session.ended_earliest_utc IS 'It did not end before this; null while it goes on.';
COMMENT ON COLUMN voice_session.ended_latest_utc IS 'It had ended by then; null while it goes on.';
COMMENT ON COLUMN voice_session.known_s IS 'Seconds that are certain, outages taken out; for one that goes on, up to seen_until_utc of its server.';
COMMENT ON COLUMN voice_session.unknown_s IS 'Seconds that are possible beyond that; both together are the longest that it can have been.';

CREATE MACRO voice_between(guild, since, until) AS TABLE
WITH seen AS (
    -- Discord is heard at least once a second, so a fresh watermark stands for now.
    SELECT if(
        seen_until_utc >= until - INTERVAL 5 SECONDS, until, seen_until_utc
    ) AS until_utc
    FROM guild_state WHERE guild_id = guild
),
stay AS (
    SELECT
        user_id, channel_id, started_earliest_utc, started_latest_utc,
        ended_earliest_utc, ended_latest_utc,
        if(started_latest_utc >= since AND ended_earliest_utc <= until, blind_us, NULL) AS blind_us
    FROM closed_session
    WHERE guild_id = guild AND ended_latest_utc > since AND started_earliest_utc < until
    UNION ALL
    SELECT
        user_id, channel_id, started_earliest_utc, started_latest_utc,
        coalesce((SELECT until_utc FROM seen), started_latest_utc), until, NULL
    FROM open_session
    WHERE guild_id = guild AND started_earliest_utc < until
),
cut AS (
    SELECT
        row_number() OVER () AS number,
        user_id, channel_id, blind_us,
        greatest(started_earliest_utc, since) AS possible_from_utc,
        least(ended_latest_utc, until) AS possible_to_utc,
        greatest(started_latest_utc, since) AS known_from_utc,
        least(ended_earliest_utc, until) AS known_to_utc
    FROM stay
),
blind AS (
    SELECT
        number,
        sum(us_between(
            greatest(from_utc, known_from_utc), least(to_utc, known_to_utc)
        ))::BIGINT AS us
    FROM cut
    JOIN outage ON guild_id = guild AND to_utc > known_from_utc AND from_utc < known_to_utc
    WHERE blind_us IS NULL
    GROUP BY number
)
SELECT
    user_id, channel_id, possible_from_utc, possible_to_utc,
    us_between(known_from_utc, known_to_utc) - coalesce(blind_us, us, 0) AS known_us
FROM cut LEFT JOIN blind USING (number);
COMMENT ON MACRO TABLE voice_between IS 'The stays of one server, cut to a time window: known_us, and the longest span that is possible.';
