"""Rows of the read models as clients know them: keys and order as in the API document."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import asyncpg
import msgspec
from msgspec.structs import asdict

from api.presentation.names import photo_url, user_link
from domain.address import AddressDetails
from projections.history.pages import Entry
from projections.tables.projection import utc
from service.fields.places import formatted_address, formatted_customer
from service.values import shown

Row: TypeAlias = asyncpg.Record | Mapping[str, Any]
EMPTY: tuple[bytes, dict[str, Any]] = (b"{}", {})

CUSTOMER = (
    "id", "user_id", "contact_id", "email", "first_name", "last_name", "status", "purchase_value", "purchase_count",
    "ltv", "first_purchase_date", "last_purchase_date", "aov", "notes", "uuid", "country", "city", "state", "postcode",
    "created_at", "updated_at",
)  # fmt: skip
NAME_AND_PLACE = ("first_name", "last_name", "country", "state", "city", "postcode")
ADDRESS = (
    "id", "customer_id", "is_primary", "type", "status", "label", "name", "address_1", "address_2", "city", "state",
    "postcode", "country", "phone", "email",
)  # fmt: skip
ORDER = (
    "id", "status", "parent_id", "receipt_number", "invoice_no", "fulfillment_type", "type", "mode", "shipping_status",
    "customer_id", "payment_method", "payment_status", "payment_method_title", "currency", "subtotal", "discount_tax",
    "manual_discount_total", "coupon_discount_total", "shipping_tax", "shipping_total", "fee_total", "tax_total",
    "total_amount", "total_paid", "total_refund", "rate", "tax_behavior", "note", "ip_address", "completed_at",
    "refunded_at", "uuid", "config", "created_at", "updated_at",
)  # fmt: skip


def customer(row: Row, store_url: str) -> dict[str, Any]:
    """A customer, from its row."""
    body = {key: shown(row[key]) for key in CUSTOMER}
    if row["purchase_value"] in EMPTY:
        body["purchase_value"] = []
    place = formatted_customer(**{key: row[key] for key in NAME_AND_PLACE})
    body["full_name"] = place["full_name"]
    body["photo"] = photo_url(row["email"])
    body["country_name"] = place["country"]
    body["formatted_address"] = place
    body["user_link"] = user_link(store_url, row["user_id"])
    return body


def address(row: Row) -> dict[str, Any]:
    company = row["company_name"]
    return {
        **{key: shown(row[key]) for key in ADDRESS},
        "meta": {"other_data": {"company_name": company}} if company else [],
        "created_at": shown(row["created_at"]),
        "updated_at": shown(row["updated_at"]),
        "formatted_address": formatted_address(dict(row.items())),
        "company_name": company,
    }


def order(row: Row) -> dict[str, Any]:
    body = {key: shown(row[key]) for key in ORDER}
    if row["config"] in EMPTY:
        body["config"] = []
    return body


def whole_order(row: Row) -> dict[str, Any]:
    """An order with everything it holds."""
    return order(row) | {
        "order_items": shown(row["items"]),
        "transactions": shown(row["transactions"]),
        "billing_address": order_address(row["billing_address"]),
        "shipping_address": order_address(row["shipping_address"]),
    }


def order_address(stored: bytes | Mapping[str, str] | None) -> dict[str, Any] | None:
    """With all its parts: those that are empty are not stored."""
    if stored is None:
        return None
    parts = msgspec.json.decode(stored) if isinstance(stored, bytes) else stored
    return asdict(msgspec.convert(parts, AddressDetails))


def user(row: Row) -> dict[str, Any]:
    """`ID` in capitals is WordPress's."""
    return {"ID": row["id"], **{key: value for key, value in row.items() if key != "id"}}


def label(row: Row) -> dict[str, Any]:
    return {key: shown(row[key]) for key in ("id", "value", "created_at", "updated_at")}


def customer_label(row: Row) -> dict[str, Any]:
    """A label as a customer carries it."""
    return label(row) | {"label_id": row["label_id"]}


def history_entry(entry: Entry) -> dict[str, Any]:
    """An event in its envelope, with what it changed."""
    recorded, changes = entry.recorded, None
    if entry.changes is not None:
        changes = {name: [shown(before), shown(after)] for name, (before, after) in entry.changes.items()}
    return {
        "position": recorded.position,
        "version": recorded.version,
        "type": entry.type,
        "subject": {"type": recorded.stream.category, "id": recorded.stream.id},
        "occurred_at": str(utc(recorded.occurred_at)),
        "recorded_at": recorded.recorded_at and str(utc(recorded.recorded_at)),
        "actor": recorded.actor,
        "request_id": recorded.request_id,
        "data": entry.data,
        "changes": changes,
    }
