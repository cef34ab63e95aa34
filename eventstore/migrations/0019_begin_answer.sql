-- Whether nobody else is at a request with this key, until the transaction ends, and what was answered to it before. In this
-- order: a statement sees what was committed before it began. Old answers go on the way.
CREATE FUNCTION begin_answer(whose text, named text)
RETURNS TABLE (is_free boolean, fingerprint bytea, status int, etag text, body bytea) LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended(whose || E'\n' || named, 0)) THEN
        RETURN QUERY SELECT false, NULL::bytea, NULL::int, NULL::text, NULL::bytea;
        RETURN;
    END IF;
    DELETE FROM answers WHERE answered_at < now() - interval '24 hours';
    RETURN QUERY SELECT true, a.fingerprint, a.status, a.etag, a.body FROM answers AS a
        WHERE a.actor = whose AND a.key = named;
END
$$;
