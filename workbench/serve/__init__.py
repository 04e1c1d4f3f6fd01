"""Labelling pages for people elsewhere: one secret link a person, one kernel a page, every label in the store.

`inviting` makes and takes back links, `app` is the server (Voilà in this process), `page` is what runs in each kernel.
What decides is apart from what serves: `guests` (who may come in), `sessions` (who has which kernel, and how many),
`headers` and `pages` know nothing of a web server. Voilà is imported only when a server starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import missing_extra
from workbench.serve.inviting import invitations, invite, revoke
from workbench.serve.options import Options

if TYPE_CHECKING:
    from workbench.pilot import Pilot

__all__ = ["Options", "invitations", "invite", "revoke", "serve"]


def serve(pilot: Pilot, options: Options | None = None) -> None:
    """Serve a pilot's labelling page until the process is told to stop (Ctrl-C or SIGTERM).

    Raises
    ------
    MissingExtraError
        When Voilà is not installed.
    ServeError
        When the address is taken or may not be listened on, or the file with the cookie secret is unsafe.
    """
    try:
        from workbench.serve.app import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "voila":
            raise
        raise missing_extra("serve", "workbench serve") from None
    run(pilot, options or Options())
