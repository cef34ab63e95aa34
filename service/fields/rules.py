"""The rules that a field may break."""

from typing import Literal, TypeAlias

# Those of the original have the names that it gives them.
FieldRule: TypeAlias = Literal[
    "required", "string", "maxLength", "email", "numeric", "min", "max", "in", "date", "array", "object", "login",
    "invalid", "unique", "exists", "duplicate", "settled", "unknown",
]  # fmt: skip
