"""`custodiary relay`: carry the log on into another system."""

from typing import Annotated

import typer

from api.cli.syntax.options import Verbose, group

relay = group("Carry events on into another system, until Ctrl-C.")


@relay.callback()
def _several() -> None:
    """A group of one command would be that command."""


@relay.command("nats")
def relay_to_nats(
    *,
    url: Annotated[str, typer.Option(envvar="NATS_URL", help="nats://HOST:4222, several with commas between.")],
    stream: Annotated[str, typer.Option(envvar="NATS_STREAM", help="Is made if it is not there.")] = "CUSTOMERS",
    subject: Annotated[
        str, typer.Option(envvar="NATS_SUBJECT", help="What subjects begin with; type and customer follow.")
    ] = "customers",
    form: Annotated[
        str, typer.Option(envvar="NATS_FORM", metavar="thin|full", help="Full has values, which are personal data.")
    ] = "thin",
    after: Annotated[
        int | None, typer.Option(min=0, metavar="POSITION", help="Where to resume, if the stream does not say it.")
    ] = None,
    rewind: Annotated[
        bool, typer.Option("--rewind", help="First delete, from its end, what the log does not have.")
    ] = False,
    _verbose: Verbose = False,
) -> None:
    """Send every event to NATS JetStream, once and in order. One process does it, and others wait to take over."""
    from api.cli.actions.relaying import relay_to_nats as send

    send({"NATS_URL": url, "NATS_STREAM": stream, "NATS_SUBJECT": subject, "NATS_FORM": form}, after, rewind=rewind)
