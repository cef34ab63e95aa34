"""What happened to the made-up people, by the same use cases as whatever happens to anybody.

Days are counted back from a moment; nothing else depends on when the story is written. It is one transaction, so that a
start that is killed leaves no half of it.
"""

from datetime import datetime
from decimal import Decimal

from domain.address import ChangeAddress
from domain.customer import ChangeCustomer
from domain.event import Stream
from domain.order import OrderPlaced
from domain.user import UserProfile
from eventstore.store import Store, Unit
from projections.checks.spoil import spoil
from projections.replay.registry import ReplayRequest
from service import addresses, customers, labels, orders, privacy, replays, users
from service.customers import Update
from service.fields.replay import NAMES
from service.privacy import NotErased
from service.sample import people
from service.sample.acts import Acts, Bought, by

FIRST_ORDER, OTTOLINES, CASIMIRS, TADHGS, HESPERS = 70_001, 70_011, 70_013, 70_021, 70_023
EURO, YEN = Decimal("1.08"), Decimal("0.67")  # cents for a cent, cents for a yen
SUPPORT, FINANCE, SHOP = "nadia.support", "tomas.finance", "shop"
TEA, BOWL = Bought("Gunpowder tea, 250 g", 1_490), Bought("Raku bowl", 4_800)
VASE, GLAZE = Bought("Tall vase", 12_900), Bought("Celadon glaze, 1 kg", 3_650)


async def tell(store: Store, now: datetime) -> None:
    """What is not told yet: the story; rows that somebody has changed, and a replay that shows it; an erasure.

    The replay waits for the service to run it.
    """
    if not await store.log.stream(store.pool, Stream("order", HESPERS), until=1):
        await store.transact(by("import", now), lambda unit: _tell(Acts(unit, now)))
    hesper = await _buyer(store, HESPERS)
    try:
        await privacy.find_receipt(store, hesper)
    except NotErased:
        await spoil(store.pool, *[await _buyer(store, id_) for id_ in (TADHGS, OTTOLINES, CASIMIRS)])
        await replays.start(store, ReplayRequest(projections=NAMES, swap="never", started_by="admin"))
        erasure = by("admin", now)
        await store.transact(erasure, lambda unit: privacy.erase(unit, [hesper], "asked by letter of 12 November"))


async def _buyer(store: Store, order_id: int) -> int:
    [placed] = await store.log.stream(store.pool, Stream("order", order_id), until=1)
    assert isinstance(placed.event, OrderPlaced), "what an order's stream begins with is that it was placed"
    return placed.event.terms.customer_id


async def _tell(acts: Acts) -> None:
    acts.on(400, SUPPORT)
    vip, wholesale, careful = [await labels.create(acts.unit, value) for value in ("VIP", "Wholesale", "Call back")]
    ottoline = await _ottoline(acts)
    await _marguerite(acts, ottoline, vip)
    await _casimir(acts, wholesale)
    await _leocadia(acts, vip)
    await _evander(acts, careful)
    await _tadhg(acts)
    await _hesper(acts)
    acts.on(0.2, SUPPORT)
    await acts.customer(people.WILHELMINA)


async def _ottoline(acts: Acts) -> int:
    """She ordered under a second account of her own, and an order of somebody else's went to her."""
    acts.on(390, SHOP)
    id_ = await acts.customer(people.OTTOLINE)
    await acts.buy(OTTOLINES, id_, BOWL, TEA, currency="EUR", rate=EURO)
    acts.on(120, SHOP)
    await acts.buy(OTTOLINES + 1, id_, VASE, currency="EUR", rate=EURO)
    return id_


async def _marguerite(acts: Acts, ottoline: int, vip: int) -> None:
    unit = acts.unit
    acts.on(380, SHOP)
    user = await _user(unit, people.FIRST_USER, people.MARGUERITE_AS_USER)
    id_ = await acts.customer(people.MARGUERITE, user)
    home = await addresses.add(unit, id_, "billing", people.MARGUERITES_HOME)
    await addresses.add(unit, id_, "shipping", people.MARGUERITES_HOME)
    await acts.buy(FIRST_ORDER, id_, TEA, note="Please ring twice.")
    acts.on(340, SHOP)
    await acts.buy(FIRST_ORDER + 1, id_, Bought(*BOWL[:2], 6), GLAZE)
    acts.on(331, SUPPORT)
    await acts.refund(FIRST_ORDER + 1, 4_800, "One bowl arrived broken.")
    await _change(unit, id_, ChangeCustomer(notes="One bowl arrived broken; refunded at once."))
    acts.on(290, SHOP)
    total = await acts.order(FIRST_ORDER + 2, id_, VASE, VASE)
    await acts.pay(FIRST_ORDER + 2, total // 2)
    acts.on(283, FINANCE)
    await acts.pay(FIRST_ORDER + 2, total - total // 2, part=2)
    acts.on(270, SUPPORT)
    await _change(unit, id_, ChangeCustomer(last_name="Aldous-Okafor", email="marguerite@aldous.example"))
    await acts.relabel(id_, vip)
    acts.on(221, SHOP)
    await acts.buy(FIRST_ORDER + 3, id_, GLAZE, GLAZE, TEA, currency="EUR", rate=EURO)
    acts.on(180, SUPPORT)
    studio = await addresses.add(unit, id_, "shipping", people.MARGUERITES_STUDIO)
    await addresses.make_primary(unit, id_, studio, "shipping")
    await _change(unit, id_, ChangeCustomer(city="Bath", postcode="BA1 2AB"))
    acts.on(150, SHOP)
    await acts.buy(FIRST_ORDER + 4, id_, Bought(*TEA[:2], 12))
    acts.on(149, SUPPORT)
    await orders.transfer(unit, FIRST_ORDER + 4, ottoline)  # it was hers: a colleague had picked the wrong line
    acts.on(96, SHOP)
    await acts.buy(FIRST_ORDER + 5, id_, VASE)
    acts.on(90, FINANCE)
    await acts.refund(FIRST_ORDER + 5, VASE.price, "Returned unopened.")
    acts.on(60, SHOP)
    await acts.order(FIRST_ORDER + 6, id_, BOWL)
    acts.on(59, SUPPORT)
    await orders.delete(unit, FIRST_ORDER + 6)
    await addresses.change(unit, id_, ChangeAddress(address_id=home, address_2="Top bell"))
    acts.on(31, SHOP)
    await acts.buy(FIRST_ORDER + 7, id_, Bought(*VASE[:2], 2), BOWL)
    acts.on(1.5, SHOP)
    await acts.order(FIRST_ORDER + 8, id_, Bought(*GLAZE[:2], 4), note="For the spring firing.")
    await acts.pay(FIRST_ORDER + 8, 4 * GLAZE.price)


async def _casimir(acts: Acts, wholesale: int) -> None:
    acts.on(300, SUPPORT)
    id_ = await acts.customer(people.CASIMIR)
    await addresses.add(acts.unit, id_, "billing", people.CASIMIRS_SHOP)
    await addresses.add(acts.unit, id_, "shipping", people.CASIMIRS_STORE)
    await acts.relabel(id_, wholesale)
    total = await acts.order(CASIMIRS, id_, Bought(*BOWL[:2], 20), Bought(*VASE[:2], 6), currency="EUR", rate=EURO)
    acts.on(288, FINANCE)
    await acts.pay(CASIMIRS, total)
    acts.on(45, SUPPORT)
    total = await acts.order(CASIMIRS + 1, id_, Bought(*BOWL[:2], 60), currency="EUR", rate=EURO)
    acts.on(30, FINANCE)
    await acts.pay(CASIMIRS + 1, total // 3)


async def _leocadia(acts: Acts, vip: int) -> None:
    """She pays in yen, which have no cents."""
    acts.on(210, SHOP)
    id_ = await acts.customer(people.LEOCADIA)
    await acts.buy(CASIMIRS + 2, id_, Bought("Raku bowl", 7_200, 2), currency="JPY", rate=YEN)
    acts.on(64, SHOP)
    await acts.buy(CASIMIRS + 3, id_, Bought("Tall vase", 19_500), currency="JPY", rate=YEN)
    await acts.relabel(id_, vip)


async def _evander(acts: Acts, careful: int) -> None:
    acts.on(200, SHOP)
    id_ = await acts.customer(people.EVANDER)
    await addresses.add(acts.unit, id_, "billing", people.EVANDERS_HOME)
    await acts.buy(CASIMIRS + 4, id_, VASE)
    acts.on(188, SUPPORT)
    await acts.relabel(id_, careful)
    await acts.refund(CASIMIRS + 4, VASE.price, "Never arrived.")
    acts.on(187, SUPPORT)
    await _change(acts.unit, id_, ChangeCustomer(status="archived", notes="Wants no more letters."))


async def _tadhg(acts: Acts) -> None:
    acts.on(110, SHOP)
    id_ = await acts.customer(people.TADHG)
    await acts.buy(TADHGS, id_, GLAZE, TEA, currency="EUR", rate=EURO)
    acts.on(12, SHOP)
    await acts.buy(TADHGS + 1, id_, BOWL, currency="EUR", rate=EURO)


async def _hesper(acts: Acts) -> None:
    """Whose erasure is the end of the story."""
    acts.on(75, SHOP)
    user = await _user(acts.unit, people.FIRST_USER + 1, people.HESPER_AS_USER)
    id_ = await acts.customer(people.HESPER, user)
    await acts.buy(HESPERS, id_, BOWL, TEA, currency="EUR", rate=EURO)
    acts.on(70, SUPPORT)
    await acts.refund(HESPERS, TEA.price, "Hesper does not drink green tea.")


async def _user(unit: Unit, id_: int, profile: UserProfile) -> int:
    await users.register(unit, id_, profile)
    return id_


async def _change(unit: Unit, id_: int, change: ChangeCustomer) -> None:
    await customers.update(unit, id_, Update(customer=change))
