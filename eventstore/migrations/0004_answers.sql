-- What was answered under an Idempotency-Key, written in the command's transaction. A customer's are erased with it.
CREATE TABLE answers (
    actor text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,  -- of the request that the answer belongs to
    status int NOT NULL,
    etag text,
    body bytea NOT NULL,
    customer_id bigint,
    answered_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (actor, key)
);

-- Old answers are thrown away by age, a customer's by its id.
CREATE INDEX answers_answered_at_idx ON answers (answered_at);
CREATE INDEX answers_customer_idx ON answers (customer_id) WHERE customer_id IS NOT NULL;
