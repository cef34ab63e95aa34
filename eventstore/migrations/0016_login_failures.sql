-- Wrong passwords, counted by where they came from and for whom, both as keyed digests: what a stranger has sent is kept
-- nowhere. `level` is what was left of them at `at`; it leaks away. After a crash everybody may begin anew.
CREATE UNLOGGED TABLE login_failures (
    key bytea PRIMARY KEY,
    level double precision NOT NULL,
    at timestamptz NOT NULL
);
