"""A FluentCart export in a real store: its ids, its dates, its facts; and figures that follow from its orders."""

from collections import defaultdict
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from msgspec import Struct

from domain.address import AddressDetails
from domain.event import Recorded
from domain.terms import Item, ItemWords, OrderDetails, Terms, Transaction
from domain.user import UserProfile
from eventstore.chain.signer import sign_new
from proof.checks import claims, claims_of_the_log
from service.fields.input import Input
from service.importing.fluentcart.export_orders import ExportedItem, ExportedOrder, ExportedTransaction
from service.importing.fluentcart.export_people import ExportedDetails, ExportedUser
from tests.api.shop import Shop, done
from tests.eventstore.audited import KEY, audited
from tests.importing.desk import Desk, Tables, everything, seed
from tests.projections.rows import Rows, folded, live

Row = dict[str, Any]


@pytest.fixture
async def imported(desk: Desk) -> Desk:
    report = await desk.export(seed())
    assert report.is_complete
    return desk


def texts(value: Any) -> Any:
    """Texts as an export writes them."""
    return str(value.replace(tzinfo=None)) if isinstance(value, datetime) else value


def agree(row: Any, exported: Row, *names: str) -> None:
    assert {name: texts(getattr(row, name)) for name in names} == {name: exported[name] for name in names}


CUSTOMER_FACTS = (
    "user_id", "contact_id", "email", "first_name", "last_name", "status", "notes", "uuid", "country", "city", "state",
    "postcode", "created_at", "updated_at",
)  # fmt: skip
ADDRESS_FACTS = (
    "customer_id", "type", "status", "label", "name", "address_1", "city", "state", "email", "postcode", "country",
    "phone", "created_at",
)  # fmt: skip
ORDER_FACTS = (
    "customer_id", "status", "payment_status", "currency", "total_amount", "total_paid", "total_refund", "uuid",
    "invoice_no", "note", "created_at", "completed_at", "type",
)  # fmt: skip


async def rows_of(desk: Desk) -> Rows:
    return await live(desk.store)


async def test_what_is_imported_is_chained_and_can_be_signed(imported: Desk) -> None:
    assert await sign_new(imported.store.pool, KEY)
    assert await audited(imported.store) == []


async def test_everything_keeps_its_id_and_its_facts(imported: Desk) -> None:
    rows, tables = await rows_of(imported), seed()
    for name in ("customers", "addresses", "orders", "labels"):
        assert sorted(rows[name]) == sorted(row["id"] for row in tables[name])
    assert sorted(rows["users"]) == sorted(int(row["ID"]) for row in tables["wp_users"])
    for name, facts in (("customers", CUSTOMER_FACTS), ("addresses", ADDRESS_FACTS), ("orders", ORDER_FACTS)):
        for row in tables[name]:
            agree(rows[name][row["id"]], row, *facts)


async def test_of_each_type_one_address_is_primary_and_where_the_export_has_none_it_is_said(desk: Desk) -> None:
    report = await desk.export(seed())
    addresses = (await rows_of(desk))["addresses"].values()
    exported = {row["id"] for row in seed()["addresses"] if row["is_primary"]}
    assert {row.id for row in addresses if row.is_primary} == exported | {6, 9}
    notes = {note.row: note.message for note in report.notes if note.row.startswith("addresses")}
    assert notes == {
        "addresses row 6 (id 6)": "None of the customer's billing addresses is primary in the export; this one is.",
        "addresses row 9 (id 9)": "None of the customer's shipping addresses is primary in the export; this one is.",
    }


async def test_orders_have_their_items_transactions_and_addresses(imported: Desk) -> None:
    orders, tables = (await rows_of(imported))["orders"], seed()
    items = {(id_, item.id, item.object_id, item.line_total) for id_, row in orders.items() for item in row.items}
    assert items == {(row["order_id"], row["id"], row["object_id"], row["line_total"]) for row in tables["order_items"]}
    moved = {
        (id_, each.id, each.vendor_charge_id, each.total) for id_, row in orders.items() for each in row.transactions
    }
    exported = tables["order_transactions"]
    assert moved == {(row["order_id"], row["id"], row["vendor_charge_id"], row["total"]) for row in exported}
    assert orders[101].billing_address["address_1"] == "Order Street 1"


async def test_customers_have_their_labels(imported: Desk) -> None:
    customers, labels = (await rows_of(imported))["customers"], defaultdict(set)
    for row in seed()["label_relationships"]:
        if row["labelable_type"].endswith("Customer"):
            labels[row["labelable_id"]].add(row["label_id"])
    assert {id_: set(row.labels) for id_, row in customers.items() if row.labels} == labels


async def test_every_customer_s_figures_are_those_of_its_orders(imported: Desk) -> None:
    figures, expected = (await rows_of(imported))["figures"], figures_in_the_seed()
    assert sorted(figures) == sorted(expected)
    for id_, row in figures.items():
        found = [texts(getattr(row, name)) for name in FIGURES]
        assert found == [expected[id_][name] for name in FIGURES], id_
    assert await live(imported.store) == await folded(imported.store)


async def test_where_the_export_s_figures_are_not_those_of_its_orders_it_is_said(desk: Desk) -> None:
    report = await desk.export(seed())
    expected = figures_in_the_seed()
    differing = {
        (row["id"], name): (row[name], expected[row["id"]][name])
        for row in seed()["customers"]
        for name in FIGURES
        if said(name, row[name]) != expected[row["id"]][name]
    }
    found = {(each.customer_id, each.figure): (each.exported, each.from_orders) for each in report.figures}
    assert found == differing
    assert len(found) == len(report.figures) == 56
    assert not {customer for customer, _figure in found} & {1, 3}  # which are right


def said(name: str, exported: Any) -> Any:
    match name:
        case "aov":
            return Decimal(str(exported or 0))
        case "purchase_value":
            return exported or {}
        case _:
            return exported


FIGURES = ("ltv", "purchase_count", "aov", "first_purchase_date", "last_purchase_date", "purchase_value")


def figures_in_the_seed() -> dict[int, Row]:
    """From the export's orders, by the contract's words and with nothing of the code that it tests."""
    figures: dict[int, Row] = {
        row["id"]: dict(zip(FIGURES, (0, 0, Decimal(0), None, None, {}), strict=True)) for row in seed()["customers"]
    }
    for row in seed()["orders"]:
        if row["payment_status"] in {"paid", "partially_paid", "partially_refunded"}:
            own, net = figures[row["customer_id"]], max(0, row["total_paid"] - row["total_refund"])
            own["ltv"] += net
            own["purchase_count"] += 1
            own["purchase_value"] = own["purchase_value"] | {
                row["currency"]: own["purchase_value"].get(row["currency"], 0) + net
            }
            dates = [date for date in (own["first_purchase_date"], own["last_purchase_date"]) if date]
            own["first_purchase_date"] = min([*dates, row["created_at"]])
            own["last_purchase_date"] = max([*dates, row["created_at"]])
            own["aov"] = (Decimal(own["ltv"]) / own["purchase_count"]).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return figures


async def test_events_happened_when_the_export_says(imported: Desk) -> None:
    store = imported.store
    happened = {subject(event): event.occurred_at for event in await store.log.page(store.pool, 0)}
    tables = seed()
    dated = [("customer", "customers"), ("order", "orders"), ("label", "labels"), ("address", "addresses")]
    for kind, table in dated:
        for row in tables[table]:
            assert happened[kind, row["id"]] == datetime.fromisoformat(row["created_at"]).replace(tzinfo=UTC)


def subject(recorded: Recorded) -> tuple[str, int]:
    """What an event that makes something new is about."""
    match recorded.event.__struct_config__.tag:
        case "address-added":
            return "address", recorded.event.address_id  # type: ignore[attr-defined] # the tag says so
        case "customer-registered" | "order-placed" | "label-created":
            return recorded.stream.category, recorded.stream.id
        case other:
            return str(other), recorded.position


async def test_importing_again_changes_nothing(imported: Desk) -> None:
    before = await everything(imported.store)
    report = await imported.export(seed())
    assert (report.created, report.differences, report.bad) == ({}, [], [])
    assert report.already_imported.total() == 71
    assert len(report.figures) == 56
    assert await everything(imported.store) == before


async def test_over_rest_the_first_customer_has_its_figures_and_what_is_new_comes_after(desk: Desk, shop: Shop) -> None:
    await desk.export(seed())
    john = await shop.shown(1)
    assert (john["ltv"], john["purchase_count"], john["aov"]) == (15833, 6, 2638.83)
    assert john["purchase_value"] == {"USD": 13333, "EUR": 2500}
    tables = seed()
    assert await shop.customer() == 31
    assert await shop.address(31) == max(row["id"] for row in tables["addresses"]) + 1
    assert await shop.label() == max(row["id"] for row in tables["labels"]) + 1
    order = await shop.order(31, items=[{"title": "Widget", "unit_price": 5}])
    assert order == max(row["id"] for row in tables["orders"]) + 1
    (item,) = done(await shop.get(f"/orders/{order}"))["order"]["order_items"]
    assert item["id"] == max(row["id"] for row in tables["order_items"]) + 1
    made = done(await shop.post("/customers", {"email": "u@shop.example", "first_name": "U", "wp_user": "yes"}))
    assert made["data"]["user_id"] == max(int(row["ID"]) for row in tables["wp_users"]) + 1


def charged(tables: Tables, *charges: tuple[int, str, int]) -> Tables:
    """With transactions of these orders, ids and amounts in the place of all that there are."""
    rows = [
        {"id": number, "order_id": order_id, "vendor_charge_id": id_, "total": total}
        for number, (order_id, id_, total) in enumerate(charges, 1)
    ]
    return tables | {"order_transactions": rows}


async def test_of_two_orders_with_one_transaction_both_stand_and_the_second_is_said(desk: Desk, shop: Shop) -> None:
    first, second, third = (row["id"] for row in seed()["orders"][:3])
    tables = charged(
        seed(), (first, "ch_1", 5), (second, "ch_1", 5), (second, "ch_2", 7), (third, "", 1), (first, "", 1)
    )
    for report in (await desk.export(tables, dry_run=True), await desk.export(tables)):
        assert report.bad == []
        shared = [note.message for note in report.notes if "transaction" in note.message]
        assert shared == [f"Order {first} has its transaction ch_1, too: taken as given."]
    again = await desk.export(tables)
    assert (again.created, again.differences, again.bad) == ({}, [], [])
    assert await claims(desk.store) == await claims_of_the_log(desk.store)

    answers = [
        await shop.post(f"/orders/{order_id}/payments", {"amount": amount, "transaction_id": id_})
        for order_id, id_, amount in ((first, "ch_1", 5), (second, "ch_1", 5), (third, "ch_1", 5), (third, "ch_2", 7))
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 409, 409]
    recorded = [answer.json()["data"]["recorded"]["order_id"] for answer in answers[2:]]
    assert recorded == [first, second]


async def test_a_transaction_that_was_sent_before_it_is_imported_stands_too(desk: Desk, shop: Shop) -> None:
    customers = {name: rows for name, rows in seed().items() if not name.startswith("order")}
    assert (await desk.export(customers)).bad == []
    here = await shop.order(1, id=900_000)
    await shop.pay(here, 5, "ch_1")
    report = await desk.export(charged(seed(), (seed()["orders"][0]["id"], "ch_1", 5)))
    assert report.bad == []
    assert f"Order {here} has its transaction ch_1, too: taken as given." in [note.message for note in report.notes]
    assert await claims(desk.store) == await claims_of_the_log(desk.store)


@pytest.mark.parametrize(
    ("becomes", "row", "by_itself"),
    [
        (UserProfile, ExportedUser, set()),
        (AddressDetails, ExportedDetails, {"company_name"}),
        (Terms, ExportedOrder, {"transactions"}),
        (Item, ExportedItem, set()),
        (ItemWords, ExportedItem, set()),
        (Transaction, ExportedTransaction, set()),
        (OrderDetails, ExportedOrder, {"billing_address", "shipping_address"}),
    ],
)
def test_every_field_of_what_a_row_becomes_is_read(
    becomes: type[Struct], row: type[Input], by_itself: set[str]
) -> None:
    assert set(becomes.__struct_fields__) - set(row.__struct_fields__) == by_itself
