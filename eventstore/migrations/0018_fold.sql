-- As before, in half the time: PostgreSQL can't inline the SQL function, because `unaccent` is declared STABLE, and calling
-- one costs more than what it does. Every row of a customer folds seven texts. Names are looked up when it runs, for
-- indexes in an empty search path, so they say their schema.
DO $do$
BEGIN
    EXECUTE format(
        $sql$
        CREATE OR REPLACE FUNCTION fold(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
        BEGIN
            RETURN lower(%1$I.unaccent(%2$L::regdictionary, value));
        END
        $$
        $sql$,
        nspname, quote_ident(nspname) || '.unaccent'
    ) FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'unaccent';
END
$do$;
