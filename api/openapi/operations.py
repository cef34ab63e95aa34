"""Every operation by its handler's name: what it takes, what it answers, and why it may refuse."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from msgspec import Struct

from api.access.credentials import CredentialExists, CredentialNotFound, LastAdministrator
from api.handling.refusal_table import REFUSALS, TAKEN
from api.http.refusals import CustomerGone, HttpRefusal, Invalid, OtherTransaction, Rule, TooMany
from api.http.turns import RETRY_AFTER
from api.openapi import answers, explained, history, privacy, queries, replays, requests
from api.openapi.kinds import Schema
from api.process.settings import NameMode
from domain import refusals
from domain.value import MAX_CENTS
from projections.fold.fold import PoisonedError
from projections.replay.engine import NotReadyError, ReplayRunningError
from projections.replay.exchange import NothingToRollBackError, ReplayStuckError
from projections.replay.registry import ReplayNotFoundError
from service.reasons import Reason


def _by_table(refusal: type[Exception], *facts: object) -> HttpRefusal:
    known = REFUSALS[refusal]
    return known if isinstance(known, HttpRefusal) else known(refusal(*facts))


NO_CUSTOMER = _by_table(refusals.CustomerNotFound)
NO_ADDRESS = _by_table(refusals.AddressNotFound)
NO_LABEL = _by_table(refusals.LabelNotFound)
NO_USER = _by_table(refusals.UserNotFound)
NO_ORDER = _by_table(refusals.OrderNotFound)
UNTOLD = _by_table(PoisonedError, 9214, "")
BUSY = TooMany(RETRY_AFTER, Reason.BUSY)
NOT_ERASED = Rule(Reason.NOT_ERASED, "Customer is not erased.")
UNKNOWN_USER = Invalid({"user_id": {"exists": "User not found."}}, Reason.UNKNOWN_USER)
NOT_THEIR_ORDER = Invalid({"order_id": {"exists": "This customer has no such order."}}, Reason.UNKNOWN_ORDER)


class Operation(NamedTuple):
    """`answer` is None for plain text; `otherwise` is what else it answers, when it is asked for something else.
    `refusals` are those beside what any request may meet. `tagged`: the answer has the customer's version, or has it
    unless the customer is erased. `unready`: it may be 503, with the same body. `streams`: as server-sent events, each
    of which holds the answer.
    """

    group: str
    answer: type[Struct] | None
    body: Schema | None = None
    query: Mapping[str, Schema] = {}
    refusals: tuple[HttpRefusal, ...] = ()
    tagged: bool | Literal["unless erased"] = False
    unready: bool = False
    otherwise: type[Struct] | None = None
    streams: bool = False


def operations(mode: NameMode) -> dict[str, Operation]:
    """`mode` says how the store asks for names."""
    return {
        **_customers(mode),
        **_figures(),
        **_addresses(),
        **_users(),
        **_orders(),
        **_labels(),
        **_replays(),
        **_credentials(),
        **_others(),
    }


def _customers(mode: NameMode) -> dict[str, Operation]:
    group, taken, linked = "Customers", TAKEN["customer-email"], TAKEN["user-link"]
    saved = answers.CustomerSaved
    no_label = Invalid({"labels": {"exists": "There is no label 7."}}, Reason.UNKNOWN_LABEL)
    bulk = (
        Rule(Reason.INVALID_ACTION, "Selected action is invalid"),
        Rule(Reason.SELECTION_MISSING, "Customers selection is required"),
        Rule(Reason.INVALID_STATUS, "Provided customer status is not valid"),
        NO_CUSTOMER,
    )
    return {
        "get_customers": Operation(
            group, answers.CustomersListed, query=queries.LIST_CUSTOMERS, refusals=(BUSY,)
        ),
        "create_customer": Operation(
            group, saved, requests.create_customer(mode), refusals=(taken, linked, UNKNOWN_USER), tagged=True
        ),
        "get_customer": Operation(
            group, answers.OneCustomer, query=queries.GET_CUSTOMER, refusals=(CustomerGone(),), tagged=True
        ),
        "update_customer": Operation(
            group, saved, requests.update_customer(mode), refusals=(taken, linked, UNKNOWN_USER, NO_CUSTOMER),
            tagged=True,
        ),
        "patch_customer": Operation(
            group, saved, requests.patch_customer(mode), refusals=(taken, linked, UNKNOWN_USER, NO_CUSTOMER),
            tagged=True,
        ),
        "delete_customer": Operation(
            group, answers.Done, requests.DELETE_CUSTOMER, queries.DELETE_CUSTOMER, (NO_CUSTOMER,),
            tagged="unless erased",
        ),
        "set_labels": Operation(group, saved, requests.LABELS, refusals=(NO_CUSTOMER, no_label), tagged=True),
        "do_bulk_action": Operation(group, answers.Done, requests.BULK_ACTION, refusals=bulk),
    }  # fmt: skip


def _figures() -> dict[str, Operation]:
    group, none = "Figures", (NO_CUSTOMER,)
    return {
        "get_stats": Operation(group, answers.WidgetsShown, query=queries.IN_TIME, refusals=none, tagged=True),
        "explain_ltv": Operation(
            group, explained.Explained, query=queries.IN_TIME, refusals=(NO_CUSTOMER, UNTOLD), tagged=True
        ),
        "recalculate_ltv": Operation(group, answers.Recalculated, refusals=(NO_CUSTOMER, UNTOLD), tagged=True),
    }


def _addresses() -> dict[str, Operation]:
    group, saved = "Addresses", answers.AddressSaved
    kept = tuple(map(_by_table, (refusals.PrimaryAddressKept, refusals.LastAddressKept)))
    no_id = Rule(Reason.INVALID_ADDRESS_ID, "Please use a valid address ID!")
    return {
        "list_addresses": Operation(
            group, answers.AddressesListed, query=queries.LIST_ADDRESSES, refusals=(NO_CUSTOMER,), tagged=True
        ),
        "create_address": Operation(
            group, saved, requests.CREATE_ADDRESS, refusals=(NO_CUSTOMER, NOT_THEIR_ORDER), tagged=True
        ),
        "update_address": Operation(
            group, saved, requests.UPDATE_ADDRESS, refusals=(NO_CUSTOMER, NO_ADDRESS, NOT_THEIR_ORDER), tagged=True
        ),
        "delete_address": Operation(
            group,
            answers.Done,
            requests.DELETE_ADDRESS,
            queries.DELETE_ADDRESS,
            (no_id, *kept, NO_CUSTOMER, NO_ADDRESS),
            tagged=True,
        ),
        "make_primary": Operation(
            group,
            answers.Done,
            requests.MAKE_PRIMARY,
            refusals=(_by_table(refusals.PrimaryAddressNotSet), NO_CUSTOMER),
            tagged=True,
        ),
    }


def _users() -> dict[str, Operation]:
    group, linked = "Users", (TAKEN["user-link"], UNKNOWN_USER, _by_table(refusals.UserAlreadyAttached), NO_CUSTOMER)
    taken = (TAKEN["user-login"], TAKEN["user-email"])
    return {
        "get_attachable_users": Operation(group, answers.AttachableUsers, query=queries.LIST_USERS),
        "attach_user": Operation(group, answers.Said, requests.ATTACH_USER, refusals=linked, tagged=True),
        "detach_user": Operation(group, answers.Said, refusals=(NO_CUSTOMER,), tagged=True),
        "list_users": Operation(group, answers.UsersListed),
        "put_user": Operation(group, answers.UserSaved, requests.USER, refusals=(*taken, NO_USER)),
        "delete_user": Operation(group, answers.Done, refusals=(NO_USER,)),
    }


def _orders() -> dict[str, Operation]:
    group, saved, none = "Orders", answers.OrderSaved, (NO_ORDER,)
    exists, too_large = _by_table(refusals.OrderExists), _by_table(refusals.AmountTooLarge, MAX_CENTS + 1, MAX_CENTS)
    too_much = _by_table(refusals.RefundExceedsPayment, 5000, 4000)
    settled = _by_table(refusals.PaymentStatusFollowsAmounts, "paid")
    refund = {"order_id": 10, "type": "refund", "amount": 300}
    other, others = OtherTransaction("re_1", refund, refund | {"amount": 200}), TAKEN["transaction"]
    return {
        "get_orders": Operation(
            group, answers.OrdersListed, query=queries.LIST_ORDERS, refusals=(NO_CUSTOMER,), tagged=True
        ),
        "get_store_orders": Operation(group, answers.OrdersListed, query=queries.LIST_STORE_ORDERS, refusals=(BUSY,)),
        "get_every_order": Operation(
            group, answers.EveryOrder, query=queries.IN_TIME, refusals=(NO_CUSTOMER,), tagged=True
        ),
        "place_order": Operation(group, saved, requests.PLACE_ORDER, refusals=(NO_CUSTOMER, exists), tagged=True),
        "get_order": Operation(group, answers.OneOrder, refusals=none, tagged="unless erased"),
        "update_order": Operation(
            group, saved, requests.UPDATE_ORDER, refusals=(NO_ORDER, settled), tagged="unless erased"
        ),
        "record_payment": Operation(
            group, saved, requests.PAYMENT, refusals=(NO_ORDER, other, others, too_large), tagged="unless erased"
        ),
        "record_refund": Operation(
            group, saved, requests.REFUND, refusals=(NO_ORDER, other, others, too_much), tagged="unless erased"
        ),
        "transfer_order": Operation(
            group, saved, requests.TRANSFER, refusals=(NO_ORDER, NO_CUSTOMER), tagged="unless erased"
        ),
        "delete_order": Operation(group, answers.Done, refusals=none, tagged="unless erased"),
    }


def _labels() -> dict[str, Operation]:
    group, taken = "Labels", TAKEN["label"]
    return {
        "list_labels": Operation(group, answers.LabelsListed),
        "get_label": Operation(group, answers.OneLabel, refusals=(NO_LABEL,)),
        "create_label": Operation(group, answers.LabelSaved, requests.LABEL, refusals=(taken,)),
        "rename_label": Operation(group, answers.LabelSaved, requests.LABEL, refusals=(taken, NO_LABEL)),
        "delete_label": Operation(group, answers.Done, refusals=(NO_LABEL,)),
    }


def _replays() -> dict[str, Operation]:
    group, none, running = "Replays", _by_table(ReplayNotFoundError), _by_table(ReplayRunningError)
    unready, stuck = _by_table(NotReadyError, "cancelled"), _by_table(ReplayStuckError)
    gone = _by_table(NothingToRollBackError)
    return {
        "start_replay": Operation(
            group,
            replays.ReplayTold,
            requests.REPLAY,
            refusals=(running, TooMany(RETRY_AFTER, Reason.BUSY)),
            otherwise=replays.WhatIfTold,
        ),
        "list_replays": Operation(group, replays.ReplaysListed),
        "get_replay": Operation(group, replays.OneReplay, refusals=(none,)),
        "follow_replay": Operation(group, replays.Replay, refusals=(none,), streams=True),
        "swap_replay": Operation(group, replays.ReplayTold, refusals=(none, running, unready, stuck)),
        "roll_back_replay": Operation(group, replays.ReplayTold, refusals=(none, running, unready, stuck, gone)),
        "cancel_replay": Operation(group, replays.ReplayTold, refusals=(none, unready)),
    }


def _credentials() -> dict[str, Operation]:
    group, taken = "Credentials", _by_table(CredentialExists)
    return {
        "list_credentials": Operation(group, answers.CredentialsListed),
        "create_credential": Operation(group, answers.CredentialMade, requests.CREDENTIAL, refusals=(taken,)),
        "revoke_credential": Operation(
            group, answers.Done, refusals=(_by_table(CredentialNotFound), _by_table(LastAdministrator))
        ),
    }


def _others() -> dict[str, Operation]:
    return {
        "get_history": Operation(
            "History", history.HistoryShown, query=queries.HISTORY, refusals=(NO_CUSTOMER,), tagged="unless erased"
        ),
        "get_export": Operation("Privacy", privacy.Exported, refusals=(NO_CUSTOMER,), tagged=True),
        "get_erasure": Operation("Privacy", privacy.Erased, refusals=(NO_CUSTOMER, NOT_ERASED)),
        "get_store_history": Operation("History", history.HistoryShown, query=queries.HISTORY),
        "live": Operation("Health", answers.Health),
        "ready": Operation("Health", answers.Ready, unready=True),
        "metrics": Operation("Health", None),
    }
