"""When the rebuilt rows of a replay take the place of the live ones."""

from typing import Literal, TypeAlias

Swap: TypeAlias = Literal["always", "equal", "never"]
