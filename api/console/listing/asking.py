"""How a list's address is read, and what it refuses, for the page on which it was asked."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from api.console.listing.address import ListAddress
from api.handling.errors import in_words
from api.handling.listing import CustomersWanted
from api.handling.refusal_table import REFUSALS
from api.http.refusals import Invalid
from api.http.request import parse_form
from projections.fold.past import AsOf
from projections.queries.language.query import ListQuery
from service.fields.reader import Fields

PER_PAGE = 25
SORTED_BY = "ltv"


class Asked(NamedTuple):
    """A list that was asked for: as it is written in the address, and as it is read."""

    address: ListAddress
    sent: Mapping[str, Any]
    query: ListQuery
    as_of: AsOf


def read_list(address: ListAddress) -> Asked:
    """Raises UnfitFields."""
    sent = parse_form(with_defaults(address).query.encode())
    wanted = CustomersWanted.checked(Fields({name: value for name, value in sent.items() if name != "select"}))
    return Asked(address, sent, wanted.query, wanted.as_of)


def with_defaults(address: ListAddress) -> ListAddress:
    """What REST is asked for the same: its defaults are others."""
    known = dict(address.pairs)
    added = {"sort_by": SORTED_BY, "per_page": str(PER_PAGE)}
    missing = tuple((name, value) for name, value in added.items() if name not in known)
    return ListAddress(address.path, address.pairs + missing)


def problem_of(error: Exception) -> str:
    """REST's own sentences."""
    refusal = in_words(REFUSALS, error)
    if not isinstance(refusal, Invalid):
        return refusal.body.message
    return " ".join(sentence for rules in refusal.errors.values() for sentence in rules.values())
