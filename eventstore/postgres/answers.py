"""Kept answers, and what an erasure removes from them."""

# The idempotency keys stay: a request that is sent again must not bring somebody back.
FORGET_ANSWERS = """
    UPDATE answers SET fingerprint = '', etag = NULL, body = '', customer_id = NULL, user_id = NULL
    WHERE customer_id = ANY($1) OR user_id = ANY($2)"""
