"""`thrice admin-link`: a way in for who has the server and no other."""

import typer

from ptrapp.cli.context import open_context
from ptrapp.services.accounts import entering
from ptrapp.services.data_folder import address_of_app


def admin_link(ctx: typer.Context) -> None:
    """Show a link that makes a browser an admin: good once and for a day; earlier ones are void."""
    with open_context(ctx.obj) as context:
        with context.database.write() as session:
            secret = entering.link_for_admin(session)
        typer.echo(f"{address_of_app(context.settings)}/join?token={secret}")
