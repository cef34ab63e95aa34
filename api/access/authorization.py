"""Reading what somebody claims to be: in the Authorization header, or typed."""

import re
from base64 import b64decode

from api.http.refusals import Unauthenticated
from service.credentials.auth import MAX_USER_LENGTH, Given
from service.redaction import Personal, Secret

_BASIC = re.compile(r"basic +([A-Za-z0-9+/]+={0,2}) *", re.IGNORECASE)
_BEARER = re.compile(r"bearer +(\S(?:.*\S)?) *", re.IGNORECASE)  # with the blanks that it is shown with, or without


def read_authorization(header: str) -> Given:
    """Basic with user and password, or the password as bearer. Raises Unauthenticated for anything else."""
    if bearer := _BEARER.fullmatch(header):
        return Given(None, Secret(bearer[1]))
    basic = _BASIC.fullmatch(header)
    try:
        user, colon, password = b64decode(basic[1], validate=True).decode().partition(":") if basic else ("", "", "")
    except ValueError as error:
        raise Unauthenticated from error
    if not colon:
        raise Unauthenticated
    return claim(user, password)


def claim(user: str, password: str) -> Given:
    """Raises Unauthenticated for a login that nobody can have."""
    if not 0 < len(user) <= MAX_USER_LENGTH or not user.isprintable():
        raise Unauthenticated
    return Given(Personal(user), Secret(password))
