"""WordPress users: what WordPress tells of them, and which customer is whose."""

from litestar import delete, get, post, put
from litestar.params import FromPath

from api.handling.serving import AnyRequest, customer_in_path, id_in_path, needs, serving
from api.handling.writes import Shown, about, carry_out, decision, just
from api.http.answer import Answer, answer
from api.http.refusals import Invalid
from api.http.request import read_input, read_nothing, refuse_fields
from api.presentation.records import user
from domain.customer import CUSTOMER, AttachUser, DetachUser
from domain.event import Claim
from domain.refusals import ClaimTaken, UserNotFound
from domain.user import USER, DeleteUser, RegisterUser, UserProfile
from eventstore.log.log import Session
from eventstore.store import Unit
from projections.models.users import USERS
from service.fields.reader import Fields
from service.reasons import Reason

LIST = """
    SELECT id, user_login, user_email, display_name, first_name, last_name, user_url, user_nicename
    FROM users ORDER BY id"""
CUSTOMER_OF = "SELECT id FROM customers WHERE user_id = $1"
MAX_LOGIN = 60
MAX_EMAIL = 100


@get("/users", opt=needs("users/view"), summary="List users")
async def list_users(request: AnyRequest) -> Answer:
    """All users of the store that this service knows, as WordPress has them."""
    rows = await serving(request).store.pool.fetch(LIST)
    return answer({"users": [user(row) for row in rows]})


@put("/users/{user_id:str}", opt=needs("users/manage"), summary="Register a user, or bring it up to date")
async def put_user(request: AnyRequest, user_id: FromPath[str]) -> Answer:
    """WordPress sends all of a user, by the id that it gives: what it does not send is empty."""
    id_ = id_in_path(user_id)
    profile = _profile(Fields(await read_input(request)))
    if not id_:
        raise UserNotFound

    async def show(connection: Session, _id: int) -> Shown:
        row = await USERS.table.find(connection, id_)
        return Shown({"message": "User saved successfully!", "data": row and user(row)}, user_id=id_)

    return await carry_out(request, decision(USER, id_, RegisterUser(profile=profile)), show)


def _profile(fields: Fields) -> UserProfile:
    text = fields.optional(absent="", empty="").text
    profile = UserProfile(
        user_login=fields.required.text("user_login", max_length=MAX_LOGIN),
        user_email=fields.required.email("user_email"),
        display_name=text("display_name"),
        first_name=text("first_name"),
        last_name=text("last_name"),
        user_url=text("user_url"),
        user_nicename=text("user_nicename"),
    )
    fields.check_all()
    return profile


@delete("/users/{user_id:str}", opt=needs("users/manage"), summary="Delete a user", status_code=200)
async def delete_user(request: AnyRequest, user_id: FromPath[str]) -> Answer:
    """A customer that the user is linked to stays, and has no user any more."""
    id_ = id_in_path(user_id)
    await refuse_fields(request)

    async def work(unit: Unit) -> None:
        await unit.decide(USER, id_, DeleteUser())
        customer_id = await unit.pool.fetchval(CUSTOMER_OF, id_)
        if customer_id is not None:
            linked = await unit.load(CUSTOMER, customer_id)
            if linked is not None and linked.user_id == id_:
                await unit.decide(CUSTOMER, customer_id, DetachUser())

    return await carry_out(request, work, just({"message": "User deleted successfully!", "data": ""}))


@post(
    "/customers/{customer_id:str}/attachable-user",
    opt=needs("customers/manage"),
    summary="Attach a user to a customer",
    status_code=200,
)
async def attach_user(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """The user must be there and linked to nobody else, and the customer to no user."""
    id_ = customer_in_path(customer_id)
    fields = Fields(await read_input(request))
    user_id = fields.required.id("user_id")
    fields.check()
    done = about(id_, {"message": "User attached successfully"})
    return await carry_out(request, lambda unit: attach(unit, id_, user_id), done, customer_id=id_)


@post(
    "/customers/{customer_id:str}/detach-user",
    opt=needs("customers/manage"),
    summary="Detach a customer's user",
    status_code=200,
)
async def detach_user(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """The customer stays as it is. Where no user is attached, nothing happens, and that is no error."""
    id_ = customer_in_path(customer_id)
    await read_nothing(request)
    done = about(id_, {"message": "User detached successfully"})
    return await carry_out(request, decision(CUSTOMER, id_, DetachUser()), done, customer_id=id_)


async def attach(unit: Unit, customer_id: int, user_id: int) -> None:
    """Raises Invalid for an unknown user; a user of another customer is a claim taken."""
    await unit.decide(CUSTOMER, customer_id, AttachUser(user_id=await existing_user(unit, user_id)))


async def existing_user(unit: Unit, user_id: int) -> int:
    """The id, or Invalid."""
    if await unit.load(USER, user_id) is None:
        raise Invalid({"user_id": {"exists": "User not found."}}, Reason.UNKNOWN_USER)
    return user_id


async def free_user(unit: Unit, user_id: int) -> int:
    """The id; Invalid for an unknown user, ClaimTaken for a user of another customer."""
    link = Claim("user-link", str(await existing_user(unit, user_id)))
    if await unit.holders([link]):
        raise ClaimTaken(*link)
    return user_id


HANDLERS = [list_users, put_user, delete_user, attach_user, detach_user]
