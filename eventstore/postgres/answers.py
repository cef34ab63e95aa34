"""Answers that are kept with the keys of their requests: what an erasure takes of them."""

# The keys stay: who sends one again must not bring somebody back.
FORGET_ANSWERS = """
    UPDATE answers SET fingerprint = '', etag = NULL, body = '', customer_id = NULL, user_id = NULL
    WHERE customer_id = ANY($1) OR user_id = ANY($2)"""
