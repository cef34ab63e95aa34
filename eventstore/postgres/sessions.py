"""The settings of every session: what our SQL relies on, whatever a server, a database or a role sets."""

from collections.abc import Mapping

# By SET, not in the startup message, of which a pooler takes next to nothing. Who runs the server has a say in what is
# not here: `synchronous_commit`, `default_transaction_read_only`, tablespaces, and how statements are planned.
SESSION = {
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "quote_all_identifiers": "off",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "gin_fuzzy_search_limit": "0",
    "search_path": "public, pg_temp",
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "statement_timeout": "0",
    "transaction_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
}

IS_READ_ONLY = "SELECT current_setting('transaction_read_only')::boolean"


def begin(settings: Mapping[str, str]) -> str:
    """A query that sets them and describes the server: is it a standby, may we write, what is its encoding?

    An older server can't have changed a setting that it lacks; a setting that is right already needs no permission.
    """
    values = ", ".join(f"('{name}', '{value}')" for name, value in settings.items())
    return f"""
        SELECT pg_is_in_recovery(), current_setting('transaction_read_only')::boolean,
            current_setting('server_encoding'), current_database(), (
                SELECT count(pg_catalog.set_config(name, value, false)) FROM (VALUES {values}) AS s (name, value)
                WHERE current_setting(name, true) <> value)"""
