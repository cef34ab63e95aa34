-- What the log held up to a position, signed: see eventstore/chain/checkpoints.py. `inventory` names every event of its part.
CREATE TABLE checkpoints (
    number bigint PRIMARY KEY,
    statement text NOT NULL,   -- JSON, as it was signed, byte for byte
    signature bytea NOT NULL,
    inventory bytea NOT NULL
);
