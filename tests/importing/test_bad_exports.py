"""Rows of a FluentCart export that can't go in: each is named with a reason, and the rest goes in."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.customer import CUSTOMER, EraseCustomer
from domain.user import USER as WORDPRESS_USER
from domain.user import EraseUser
from projections.database import open_store
from service.importing.files import ImportFileError
from service.importing.fluentcart.shop import import_fluentcart
from tests.conftest import new_database, with_database
from tests.eventstore.acts import add_user, do, register
from tests.importing.desk import BY, Desk, Tables, everything, order_file
from tests.importing.desk import order as order_row
from tests.projections.rows import folded, live

Row = dict[str, Any]

ANN: Row = {"id": 1, "email": "ann@shop.example", "first_name": "Ann", "uuid": "a" * 32}
BOB: Row = {"id": 2, "email": "bob@shop.example", "first_name": "Bob", "uuid": "b" * 32}
ADDRESS: Row = {"id": 5, "customer_id": 1, "type": "billing", "is_primary": 1, "city": "Rome"}
ORDER: Row = {
    "id": 10, "customer_id": 1, "currency": "USD", "total_amount": 100, "total_paid": 100, "payment_status": "paid",
    "status": "completed", "created_at": "2025-01-02 03:04:05",
}  # fmt: skip
ITEM: Row = {"id": 20, "order_id": 10, "title": "Widget", "unit_price": 100}
TRANSACTION: Row = {"id": 30, "order_id": 10, "total": 100}
USER: Row = {"ID": "7", "user_login": "ann", "user_email": "ann@shop.example"}
LABEL: Row = {"id": 40, "value": "VIP"}
LABELLED: Row = {"id": 50, "label_id": 40, "labelable_id": 1, "labelable_type": "FluentCart\\App\\Models\\Customer"}
GOOD: Tables = {
    "wp_users": [USER], "labels": [LABEL], "customers": [ANN, BOB], "addresses": [ADDRESS],
    "label_relationships": [LABELLED], "orders": [ORDER], "order_items": [ITEM], "order_transactions": [TRANSACTION],
}  # fmt: skip


def and_(table: str, *rows: Any) -> Tables:
    return GOOD | {table: [*GOOD.get(table, []), *rows]}


STATUSES = "on-hold, processing, completed, canceled, failed"
BAD: list[tuple[Tables, str, str]] = [
    (and_("customers", 5), "customers row 3", "It is no JSON object."),
    (and_("customers", BOB | {"id": None}), "customers row 3", "The id field is required."),
    (and_("customers", ANN | {"id": 3}), "customers row 3 (id 3)", "Another customer has the email ann@shop.example."),
    (
        and_("customers", BOB | {"id": 3, "email": "ANN@shop.example"}),
        "customers row 3 (id 3)",
        "Another customer has the email ann@shop.example.",
    ),
    (
        and_("customers", BOB | {"id": 3, "email": "not one", "status": "asleep"}),
        "customers row 3 (id 3)",
        "The email field must be a valid email address. The status field must be one of active, inactive, archived.",
    ),
    (
        and_("customers", {"id": 3, "email": "eve@shop.example", "first_name": "E\0ve"}),
        "customers row 3 (id 3)",
        "The first name field may contain neither control characters nor broken Unicode.",
    ),
    (
        and_("wp_users", {"ID": 8, "user_login": "ANN", "user_email": "other@shop.example"}),
        "wp_users row 2 (id 8)",
        "Another user has the login ann.",
    ),
    (
        and_("wp_users", {"ID": 8, "user_login": "other", "user_email": "Ann@shop.example"}),
        "wp_users row 2 (id 8)",
        "Another user has the email ann@shop.example.",
    ),
    (and_("wp_users", {"ID": 8}), "wp_users row 2 (id 8)", "The user login field is required."),
    (and_("labels", {"id": 41, "value": "vip"}), "labels row 2 (id 41)", "Another label is called vip."),
    (
        and_("addresses", ADDRESS | {"id": 6, "customer_id": 99}),
        "addresses row 2 (id 6)",
        "Customer 99 is not here.",
    ),
    (
        and_("addresses", ADDRESS | {"id": 6, "type": "holiday"}),
        "addresses row 2 (id 6)",
        "The type field must be one of billing, shipping.",
    ),
    (
        and_("addresses", ADDRESS | {"city": "Paris"}),
        "addresses row 2 (id 5)",
        "Another address in the export has this id.",
    ),
    (
        and_("label_relationships", LABELLED | {"label_id": 99, "labelable_id": 2}),
        "label_relationships of customer 2",
        "Label 99 is not here.",
    ),
    (and_("orders", ORDER | {"id": 11, "customer_id": 99}), "orders row 2 (id 11)", "Customer 99 is not here."),
    (
        and_("orders", ORDER | {"id": 11, "total_paid": -1}),
        "orders row 2 (id 11)",
        "The total paid field must be at least 0.",
    ),
    (
        and_("orders", ORDER | {"id": 11, "status": "done", "payment_status": ""}),
        "orders row 2 (id 11)",
        f"The payment status field is required. The status field must be one of {STATUSES}.",
    ),
    (
        and_("order_items", ITEM | {"id": 21, "order_id": 99}),
        "order_items row 2 (id 21)",
        "Order 99 is not in the export.",
    ),
]


@pytest.fixture(scope="module")
async def rehearsals(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """One store for all dry runs, which change nothing in it."""
    async with new_database(server, template) as name, open_store(with_database(server, name)) as store:
        yield Desk(store, tmp_path_factory.mktemp("exports"))


@pytest.mark.parametrize(("tables", "row", "reason"), BAD)
async def test_a_bad_row_is_named_and_the_rest_goes_in(rehearsals: Desk, tables: Tables, row: str, reason: str) -> None:
    report = await rehearsals.export(tables, dry_run=True)
    assert [(bad.row, bad.message) for bad in report.bad] == [(row, reason)]
    assert report.created.total() == 7
    assert not report.is_complete


@pytest.mark.parametrize(
    ("table", "part", "reason"),
    [
        ("order_items", ITEM | {"id": 21, "unit_price": -1}, "The unit price field must be at least 0."),
        ("order_items", ITEM | {"id": 21, "other_info": "{"}, "The other info field must be a JSON object "),
        ("order_transactions", TRANSACTION | {"id": 31, "total": "all"}, "The total field must be a whole number."),
        ("order_addresses", {"id": 60, "order_id": 10, "type": "home"}, "The type field must be one of"),
    ],
)
async def test_an_order_with_a_bad_part_stays_out_whole(rehearsals: Desk, table: str, part: Row, reason: str) -> None:
    report = await rehearsals.export(and_(table, part), dry_run=True)
    bad_part, order = report.bad
    assert bad_part.row.startswith(table)
    assert bad_part.message.startswith(reason)
    assert (order.row, order.message) == (
        "orders row 1 (id 10)", "Its items, transactions or addresses are not as they should be.",
    )  # fmt: skip
    assert "orders" not in report.created


async def test_a_mended_file_completes_what_stayed_out(desk: Desk) -> None:
    report = await desk.export(and_("order_items", ITEM | {"id": 21, "unit_price": -1}))
    assert report.created.total() == 6
    mended = await desk.export(and_("order_items", ITEM | {"id": 21, "unit_price": 1}))
    assert (mended.created, mended.bad) == ({"orders": 1}, [])
    assert len((await live(desk.store))["orders"][10].items) == 2


async def test_of_a_customer_who_stays_out_all_that_is_theirs_stays_out(desk: Desk) -> None:
    report = await desk.export(GOOD | {"customers": [ANN | {"email": "not one"}, BOB]})
    assert [(bad.row, bad.message) for bad in report.bad] == [
        ("customers row 1 (id 1)", "The email field must be a valid email address."),
        ("addresses row 1 (id 5)", "Customer 1 is not here."),
        ("label_relationships of customer 1", "Customer 1 is not here."),
        ("orders row 1 (id 10)", "Customer 1 is not here."),
    ]
    assert report.created == {"users": 1, "labels": 1, "customers": 1}


async def test_nothing_is_given_to_a_customer_or_label_of_the_store_that_only_has_the_same_id(desk: Desk) -> None:
    """A store may have given its ids to others before the import."""
    assert await register(desk.store, "stranger@shop.example") == 1
    before = (await live(desk.store))["customers"][1]
    report = await desk.export(GOOD)
    assert [difference.row for difference in report.differences] == ["customers row 1 (id 1)"]
    assert {bad.message for bad in report.bad} == {"Customer 1 is another one here than in the export."}
    assert (await live(desk.store))["customers"][1] == before
    without_customers = {name: rows for name, rows in GOOD.items() if name != "customers"}
    report = await desk.export(without_customers)
    assert {bad.message for bad in report.bad} == {"Customer 1 is not in the export, or not as it should be."}


async def test_an_order_that_was_here_under_its_id_is_a_difference(desk: Desk) -> None:
    await desk.orders(order_file(order_row(10, email="eve@shop.example")))
    report = await desk.export(GOOD)
    (message,) = [each.message for each in report.differences if each.row == "orders row 1 (id 10)"]
    assert "total_paid is 1000 here, 100 in the file" in message


async def test_an_address_whose_id_another_customer_has_stays_out(desk: Desk) -> None:
    await desk.export(GOOD)
    eve = {"id": 3, "email": "eve@shop.example", "first_name": "Eve"}
    report = await desk.export({"customers": [eve], "addresses": [ADDRESS | {"customer_id": 3}]})
    assert [bad.message for bad in report.bad] == ["Another customer has an address with this id."]


async def test_of_an_erased_customer_nothing_comes_back(desk: Desk) -> None:
    await desk.export(GOOD)
    await do(desk.store, CUSTOMER, 1, EraseCustomer(users=(7,), orders=(10,)))
    await do(desk.store, WORDPRESS_USER, 7, EraseUser())
    before = await everything(desk.store)
    await desk.export(GOOD)
    assert await everything(desk.store) == before
    report = await desk.export(and_("orders", ORDER | {"id": 11}))
    assert [(bad.row, bad.message) for bad in report.bad] == [("orders row 2 (id 11)", "Customer 1 has been erased.")]
    assert await everything(desk.store) == before


async def test_a_user_who_has_another_customer_here_is_not_linked_twice(desk: Desk) -> None:
    await add_user(desk.store, 7, "ann")
    await register(desk.store, "first@shop.example", user_id=7)
    report = await desk.export({"customers": [BOB | {"user_id": 7}]})
    assert [bad.message for bad in report.bad] == ["User 7 belongs to another customer."]


async def test_a_link_to_a_user_who_was_never_here_is_kept_and_said(desk: Desk) -> None:
    report = await desk.export({"customers": [BOB | {"user_id": 999}]})
    assert [note.message for note in report.notes] == ["It is linked to user 999, who is not here; the link is kept."]
    assert (await live(desk.store))["customers"][2].user_id == 999


async def test_of_two_primary_addresses_of_a_type_the_first_is_and_it_is_said(desk: Desk) -> None:
    report = await desk.export(and_("addresses", ADDRESS | {"id": 4}, ADDRESS | {"id": 6, "is_primary": 0}))
    said = "The customer has another primary billing address before it; that one is primary."
    assert [(note.row, note.message) for note in report.notes] == [("addresses row 1 (id 5)", said)]
    addresses = (await live(desk.store))["addresses"]
    assert [id_ for id_, row in addresses.items() if row.is_primary] == [4]


async def test_dates_of_zeros_are_no_dates_and_unknown_tables_are_named(desk: Desk) -> None:
    report = await desk.export(
        and_("orders", ORDER | {"id": 11, "completed_at": "0000-00-00 00:00:00"}) | {"coupons": [1, 2]}
    )
    assert [(note.row, note.message) for note in report.notes] == [("coupons", "The table is left out, with 2 rows.")]
    assert (await live(desk.store))["orders"][11].completed_at is None


async def test_of_all_bad_rows_at_once_each_is_named_and_the_store_is_whole(desk: Desk) -> None:
    tables = {name: list(rows) for name, rows in GOOD.items()}
    for bad, _row, _reason in BAD:
        for name, rows in bad.items():
            tables[name] += rows[len(GOOD[name]) :]
    expected = await desk.export(tables, dry_run=True)
    report = await desk.export(tables)
    assert report == expected
    assert {bad.message for bad in report.bad} >= {
        reason for _tables, _row, reason in BAD if not reason.startswith("Another customer has the email")
    }
    assert await live(desk.store) == await folded(desk.store)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "not a JSON file"),
        ("{", "not a JSON file"),
        ("[" * 100_000, "not a JSON file"),
        ("[]", "it is no JSON object of tables"),
        ("{}", "it has none of the tables"),
        ('{"customers": {}}', "it has none of the tables"),
        ("order_id,email", "not a JSON file"),
    ],
)
async def test_what_is_no_export_is_refused_whole(rehearsals: Desk, content: str, problem: str) -> None:
    rehearsals.file.write_text(content)
    with pytest.raises(ImportFileError, match=problem):
        await import_fluentcart(rehearsals.store, BY, rehearsals.file)
