"""Values that only one stream may hold at a time, when many commands are written at once."""

from hashlib import blake2b

from domain.event import Claim, Stream
from domain.refusals import ClaimTaken
from eventstore.postgres.json import encode
from eventstore.postgres.stream_ids import to_hex

HOLDERS = """
    SELECT kind, value, originator_id FROM claims
    JOIN unnest($1::text[], $2::text[]) AS w (kind, value) USING (kind, value)"""

FREE = """
    DELETE FROM claims USING json_array_elements(${}::text::json) AS f
    WHERE claims.kind = f ->> 0 AND claims.value = f ->> 1 AND claims.originator_id = (f ->> 2)::uuid"""


def lock_key(claim: Claim) -> int:
    """The key of a claim's advisory lock, which no stream has."""
    return 1 << 62 | int.from_bytes(blake2b("\n".join(claim).encode(), digest_size=7).digest())


class Claims:
    """The claims of one batch: as they were before it, and as its commands leave them."""

    def __init__(self, held: dict[Claim, Stream]) -> None:
        self._before = held
        self._after: dict[Claim, Stream | None] = {**held}

    def change(self, taken: dict[Claim, Stream], freed: dict[Claim, Stream]) -> None:
        """Apply a command's changes, or raise ClaimTaken and change nothing."""
        for claim, stream in taken.items():
            holder = self._after.get(claim)
            if holder not in {None, stream, freed.get(claim)}:
                raise ClaimTaken(*claim)
        for claim, stream in freed.items():
            if self._after.get(claim) == stream:
                self._after[claim] = None
        self._after.update(taken)

    def having(self, held: dict[Claim, Stream]) -> "Claims":
        """A copy with more holders."""
        more = Claims(self._before | held)
        more._after |= self._after
        return more

    def freed(self) -> list[tuple[str, str, str]]:
        """Claims that their former holder no longer has, each with that holder."""
        return [(*claim, to_hex(stream)) for claim, stream in self._before.items() if self._after[claim] != stream]

    def taken(self) -> str | None:
        """Claims with a new holder, as JSON for `Log.append_whole`."""
        taken = [
            claim._asdict() | {"originator_id": to_hex(stream)}
            for claim, stream in self._after.items()
            if stream is not None and self._before.get(claim) != stream
        ]
        return encode(taken).decode() if taken else None


def freeing(number: int) -> str:
    """A part of a `Statement` that frees claims, each a kind, a value and a holder in a parameter's JSON."""
    return f"{FREE.format(number)} RETURNING 1"
