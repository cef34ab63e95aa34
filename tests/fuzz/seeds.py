"""What the fuzzer begins with: queries that mean something, and the corpus of injections in their place."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from projections.queries.customers import LISTING as CUSTOMERS
from projections.queries.orders import LISTING as ORDERS

PAYLOADS: list[str] = json.loads((Path(__file__).parents[1] / "data" / "injections.json").read_text())
OPERATORS = (
    "=", "!=", ">", "in", "not_in", "in_all", "is_null", "contains", "starts_with", "like_all", "not_like", "before",
    "date_equal", "days_before", "days_within", "between",
)  # fmt: skip
PLAIN = (
    b"\x01search=ltv%3E%3D100&sort_by=ltv&sort_type=asc&with[]=orders&with[]=labels&select=id,email&page=2&per_page=20",
    b"\x01search=created_at::2025-01-01-2025-02-01&user_tz=Europe/Rome&include_ids=1,2,3&active_view=active",
    b"\x09search=total_amount<5&with=order_items,customer&active_view=paid&sort_by=created_at",
    b"\x01search=email=*a*&cursor=WyJpZCIsdHJ1ZSwiMSIsMV0&as_of=2025-01-01",
    b'\x02{"search": "a", "with": ["wpUser"], "include_ids": [1, 2], "as_of": 5}',
    b'\x06--b\r\nContent-Disposition: form-data; name="search"\r\n\r\nltv>1\r\n--b--\r\n',
)


def seeds() -> Iterator[bytes]:
    yield from PLAIN
    for number, payload in enumerate(PAYLOADS):
        yield b"\x01search=" + quote(payload, errors="surrogatepass").encode()
        operator = OPERATORS[number % len(OPERATORS)]
        for kind, listing in ((2, CUSTOMERS), (10, ORDERS)):
            source = [*list(listing.properties)[number % len(listing.properties)]]
            item = {"source": source, "operator": operator, "value": [payload, payload] if number % 3 else payload}
            yield bytes([kind]) + json.dumps({"filter_type": "advanced", "advanced_filters": [[item]]}).encode()


def words() -> list[str]:
    """For the fuzzer's dictionary: what the parser and the filters look for."""
    names = {*CUSTOMERS.columns, *ORDERS.columns, *OPERATORS, "search", "with", "select", "cursor", "filter_type"}
    names |= {part for listing in (CUSTOMERS, ORDERS) for source in listing.properties for part in source}
    return sorted(names | {"advanced", "advanced_filters", "include_ids", "::", "user_tz", "[]", "%5B", "\\u0000"})
