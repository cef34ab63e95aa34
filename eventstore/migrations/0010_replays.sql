-- Rebuilding read models: what was asked for, how far it is, and what came of it. The rows themselves are in a schema
-- replay_<id> until they are swapped with the live ones, which are then in former_<id>.
CREATE TABLE replays (
    id bigserial PRIMARY KEY,
    projections text[] NOT NULL,
    low bigint,          -- customers from this id
    high bigint,         -- up to this one
    since bigint,        -- only of whom something has happened from this position on
    swap text NOT NULL,  -- always, equal or never: when the rebuilt rows take the place of the live ones
    shape text NOT NULL, -- of the tables and the code that fills them; others can't go on with it
    until bigint NOT NULL,
    position bigint NOT NULL,  -- that the rebuilt rows are at
    total bigint NOT NULL,               -- events to be read
    status text NOT NULL DEFAULT 'waiting',
    is_to_end boolean NOT NULL DEFAULT false,  -- somebody has asked for its end
    report json,
    error text,
    started_by text NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);

-- What is folded in one go. `events` is how many it took, once its rows are in their tables.
CREATE TABLE replay_ranges (
    replay_id bigint NOT NULL REFERENCES replays ON DELETE CASCADE,
    part text NOT NULL,
    low bigint NOT NULL,
    high bigint NOT NULL,
    events bigint,
    built_at timestamptz,
    PRIMARY KEY (replay_id, part, low)
);

-- Events that can't be applied, and the ids whose rows are therefore left as they are.
CREATE TABLE replay_poison (
    replay_id bigint NOT NULL REFERENCES replays ON DELETE CASCADE,
    position bigint NOT NULL,
    topic text NOT NULL,
    error text NOT NULL,
    part text NOT NULL,
    ids bigint[] NOT NULL,
    PRIMARY KEY (replay_id, position)
);
