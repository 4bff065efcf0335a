-- Crash cards: equal crashes of actors, one row for all of them

CREATE TABLE crash_card (
    card VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    count UBIGINT NOT NULL,
    first_utc TIMESTAMP NOT NULL,
    last_utc TIMESTAMP NOT NULL,
    headline VARCHAR NOT NULL,
    kinds VARCHAR[] NOT NULL,
    last_actor VARCHAR NOT NULL,
    last_in_hand VARCHAR NOT NULL,
    last_version VARCHAR NOT NULL,
    stack VARCHAR NOT NULL,
    fixed_in VARCHAR,
    reopened_utc TIMESTAMP,
    batch_id UBIGINT NOT NULL
);
COMMENT ON TABLE crash_card IS 'One row for all equal crashes of actors: those of one type of error that took the same way through the code.';
COMMENT ON COLUMN crash_card.card IS 'Five letters made of the type and the way, whatever the line numbers.';
COMMENT ON COLUMN crash_card.state IS 'open, fixed or ignored; a fixed one that comes back is open again, crashes on purpose are born ignored.';
COMMENT ON COLUMN crash_card.count IS 'How often.';
COMMENT ON COLUMN crash_card.first_utc IS 'When first.';
COMMENT ON COLUMN crash_card.last_utc IS 'When last.';
COMMENT ON COLUMN crash_card.headline IS 'Type and first line of the last error, without numbers.';
COMMENT ON COLUMN crash_card.kinds IS 'The kinds of actors that crashed so.';
COMMENT ON COLUMN crash_card.last_actor IS 'The last of them, by name.';
COMMENT ON COLUMN crash_card.last_in_hand IS 'The message that it was handling, redacted; empty if none.';
COMMENT ON COLUMN crash_card.last_version IS 'The version of the program that crashed last.';
COMMENT ON COLUMN crash_card.stack IS 'The stack of the last one, innermost call last.';
COMMENT ON COLUMN crash_card.fixed_in IS 'The version that was said to fix it; stays when it comes back.';
COMMENT ON COLUMN crash_card.reopened_utc IS 'When it came back after it was fixed; null if it did not.';
COMMENT ON COLUMN crash_card.batch_id IS 'The batch that wrote the row.';

ALTER TABLE supervision_event ADD COLUMN card VARCHAR;
COMMENT ON COLUMN supervision_event.card IS 'The crash card that it is about; null where nothing crashed.';
