"""WordPress users: what WordPress tells of them, and which customer is whose."""

from litestar import delete, get, post, put
from litestar.params import FromPath

from api.handling.serving import AnyRequest, customer_in_path, id_in_path, needs, serving
from api.handling.writes import Shown, about, carry_out, just
from api.http.answer import Answer, answer
from api.http.request import read_input, read_nothing, refuse_fields
from api.presentation.records import user
from domain.refusals import UserNotFound
from domain.user import UserProfile
from eventstore.log.log import Session
from projections.queries.lookups import every_user, find_user
from service import users
from service.fields.reader import Fields

MAX_LOGIN = 60


@get("/users", opt=needs("users/view"), summary="List users")
async def list_users(request: AnyRequest) -> Answer:
    """All users of the store that this service knows, as WordPress has them."""
    rows = await every_user(serving(request).store.pool)
    return answer({"users": [user(row) for row in rows]})


@put("/users/{user_id:str}", opt=needs("users/manage"), summary="Register a user, or bring it up to date")
async def put_user(request: AnyRequest, user_id: FromPath[str]) -> Answer:
    """WordPress sends all of a user, by the id that it gives: what it does not send is empty."""
    id_ = id_in_path(user_id)
    profile = _profile(Fields(await read_input(request)))
    if not id_:
        raise UserNotFound

    async def show(connection: Session, _result: None) -> Shown:
        row = await find_user(connection, id_)
        return Shown({"message": "User saved successfully!", "data": row and user(row)}, user_id=id_)

    return await carry_out(request, lambda unit: users.register(unit, id_, profile), show)


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
    done = just({"message": "User deleted successfully!", "data": ""})
    return await carry_out(request, lambda unit: users.delete(unit, id_), done)


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
    return await carry_out(request, lambda unit: users.attach(unit, id_, user_id), done, customer_id=id_)


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
    return await carry_out(request, lambda unit: users.detach(unit, id_), done, customer_id=id_)


HANDLERS = [list_users, put_user, delete_user, attach_user, detach_user]
