"""Search in simple mode, each operator over each kind of column."""

import pytest

from tests.queries.conftest import Ids

FILLERS = list(range(13, 31))
EVERYONE = list(range(1, 31))


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("john", [1, 7, 10]),
        ("JOHN", [1, 7, 10]),
        ("  john  ", [1, 7, 10]),
        ("john d", [1]),
        ("n d", [1]),  # across first and last name
        ("jose", [4]),  # accents are ignored on both sides
        ("Garcia", [4]),
        ("GARCÍA", [4]),
        ("O'Neil", [3]),
        ("example.es", [4]),
        ("doe@example", [1]),
        ("doe.jon@", [10]),
        ("李", [8]),
        ("50%", [6]),
        ("%", [6]),  # literal
        ("_", [6]),
        ("\\", []),
        ("\uff05", [6]),  # the wide form folds to the narrow one, and stays literal
        ("3", [3, 13, 23, 30]),
        ("30", [30]),
        ("-1", []),
        ("1.5", []),
        ("", EVERYONE),
        ("   ", EVERYONE),
        ("john\njohn2", []),  # the parts of the searched text do not run into each other
        ("johnson john2", []),
        ("a\0b", []),
        ("\ud800", []),
    ],
)
async def test_plain_search(customers: Ids, search: str, found: list[int]) -> None:
    assert await customers(search=search) == found


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("id=5", [5]),
        ("id = 5", [5]),
        ("ID=5", [5]),
        ("id>28", [29, 30]),
        ("id >= 29", [29, 30]),
        ("id<3", [1, 2]),
        ("id<=2", [1, 2]),
        ("id!=1", EVERYONE[1:]),
        ("id::3-5", [3, 4, 5]),
        ("id :: 3 - 5", [3, 4, 5]),
        ("id::5-3", []),
        ("id::-5-2", [1, 2]),
        ("id=abc", []),
        ("id!=abc", []),
        ("id=", []),
        ("id=5.0", []),
        ("id::2", []),
        ("id::a-b", []),
        ("id>5 id<8", []),
        ("id=99999999999999999999", []),
        ("id=2*", [2, *range(20, 30)]),
        ("id=*0", [10, 20, 30]),
        ("ltv>150000", [10]),
        ("ltv>=150000", [7, 10]),
        ("aov=2638.83", [1]),
        ("aov::33-34", [2]),
        ("aov=*.83", [1]),
        ("purchase_count=12", [10]),
        ("user_id=4", [1]),
        ("user_id!=4", EVERYONE[1:]),  # those without a user, too
        ("email=JOHN.doe@example.com", [1]),
        ("email=john", []),
        ("email=john*", [1, 7]),
        ("email=*example.org", [3]),
        ("email=*.doe@*", [1]),
        ("email=*30*", [30]),  # not the id beside the email
        ("email!=*example.com", [3, 4, 7, 8]),
        ("email=*", EVERYONE),
        ("first_name=jose", [4]),
        ("first_name=f*", FILLERS),
        ("first_name=*%*", [6]),
        ("first_name=50%*", [6]),
        ("last_name=", [5]),
        ("last_name>number29", [2, 3, 6, 8, 11, 12, 30]),
        ("country=us", [1, 10, 11, 12, *FILLERS]),
        ("country!=US", [2, 3, 4, 5, 6, 7, 8, 9]),
        ("country::ca-de", [3, 7, 8]),
        ("postcode::10001-10002", [1, 11, 12, *FILLERS]),
        ("state=de-be", [3]),
        ("status=archived", [9]),
        ("status=ARCH*", [9]),
        ("uuid=9289941f8a4200fd6c05f11fab6bc867", [1]),
        ("notes=VIP buyer", []),  # not a column of the search: plain text
        ("purchase_value=1", []),
        ("first_purchase_date=2025-02-01", [2]),
        ("first_purchase_date!=2025-02-01", [id_ for id_ in EVERYONE if id_ != 2]),
        ("last_purchase_date=2025-04-01", [2]),
        ("last_purchase_date>2025-04-01", [1, 7]),
        ("last_purchase_date>=2025-04-01", [1, 2, 7]),
        ("last_purchase_date<=2025-04-01", [2]),
        ("last_purchase_date<2025-04-01", []),
        ("last_purchase_date=2025-04-01 23:59:59", [2]),
        ("last_purchase_date=2025-04-01T23:59:59Z", [2]),
        ("last_purchase_date=2025-04-01 23:59:58", []),
        ("created_at::2025-01-02-2025-01-04", [2, 3, 4]),
        ("created_at::2025-01-02 08:00:00 - 2025-01-03 07:59:59", [2]),
        ("created_at=2025-01-1*", [*range(10, 20)]),
        ("created_at=tomorrow", []),
        ("created_at=2025-02-30", []),
        ("created_at>9999-12-31", []),
        ("created_at>0001-01-01", EVERYONE),
    ],
)
async def test_operator_search(customers: Ids, search: str, found: list[int]) -> None:
    assert await customers(search=search) == sorted(found)


async def test_a_day_is_one_of_the_client(customers: Ids) -> None:
    assert await customers(search="last_purchase_date=2025-04-02", user_tz="Europe/Rome") == [2]
    assert await customers(search="last_purchase_date=2025-04-01", user_tz="Europe/Rome") == []
    assert await customers(search="created_at=2025-01-01 03:00:00", user_tz="America/New_York") == [1]


async def test_an_unknown_column_makes_the_whole_a_plain_search(customers: Ids) -> None:
    assert await customers(search="first=john") == []
    assert await customers(search="na>me") == []


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("INV-10", [*range(101, 110)]),
        ("inv-101", [101]),
        ("widget", [101, 102, 103]),  # the product
        ("gold plan", [102]),  # the item
        ("john.doe@", [*range(101, 111)]),
        ("John D", [*range(101, 111)]),
        ("jane", []),
        ("id::101-103", [101, 102, 103]),
        ("status = completed", [101, 102, 103, 107, 108]),
        ("payment=paid", [101, 107, 108, 109]),
        ("payment_status=paid", [101, 107, 108, 109]),
        ("payment_by=offline*", [*range(101, 111)]),
        ("payment_method=stripe", []),
        ("invoice=INV-104", [104]),
        ("invoice_no=*4", [104]),
        ("invoice::INV-101-INV-103", [101, 102, 103]),
        ("customer=doe", [*range(101, 111)]),
        ("customer=*doe*", [*range(101, 111)]),
        ("customer!=doe", []),
        ("customer>doe", []),
        ("total_amount>=8000", [102, 106]),
        ("total_paid=0", [104, 105]),
        ("created_at=2025-03-01", [102]),
        ("currency=USD", []),  # not one of the columns: plain text
    ],
)
async def test_search_of_orders(orders: Ids, search: str, found: list[int]) -> None:
    assert await orders(search=search) == found
