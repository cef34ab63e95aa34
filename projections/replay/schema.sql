-- Rebuilding read models from events: what was asked for, how far it is, and how it ended.

-- A replay. It writes rows into a schema of its own, replay_<id>. A swap puts them in the place of the live ones, which
-- are in former_<id> from then on.
CREATE TABLE replays (
    id bigserial PRIMARY KEY,
    projections text[] NOT NULL,  -- the read models to rebuild
    low bigint,                   -- customers from this id; null for all
    high bigint,                  -- up to this one
    since bigint,                 -- only customers with an event from this position on
    swap text NOT NULL,           -- when to swap: always, equal or never
    shape text NOT NULL,          -- of the tables and the code that fills them; code of another shape can't resume it
    until bigint NOT NULL,        -- the log's last position when it began
    position bigint NOT NULL,     -- the last that the rebuilt rows hold
    total bigint NOT NULL,        -- events to read
    status text NOT NULL DEFAULT 'waiting',
    is_to_end boolean NOT NULL DEFAULT false,  -- somebody has asked to cancel it
    report json,                  -- what came of it
    error text,                   -- why it failed
    started_by text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);

-- The ids that are folded in one go, by whichever process takes them.
CREATE TABLE replay_ranges (
    replay_id bigint NOT NULL REFERENCES replays ON DELETE CASCADE,
    part text NOT NULL,    -- the category of the streams
    low bigint NOT NULL,   -- from this id
    high bigint NOT NULL,  -- up to this one
    events bigint,         -- how many were folded; null until the rows are in their tables
    built_at timestamptz,
    PRIMARY KEY (replay_id, part, low)
);

-- Events that can't be applied, and the ids whose rows stay as they are for that reason.
CREATE TABLE replay_poison (
    replay_id bigint NOT NULL REFERENCES replays ON DELETE CASCADE,
    position bigint NOT NULL,
    topic text NOT NULL,
    error text NOT NULL,
    part text NOT NULL,
    ids bigint[] NOT NULL,
    PRIMARY KEY (replay_id, position)
);
