"""Who is asking, and what they may reach: their own kernels and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.authorizer import Authorizer
from jupyter_server.auth.identity import IdentityProvider, User

from workbench.serve.guests import Guest

if TYPE_CHECKING:
    from workbench.serve.guests import Guests
    from workbench.serve.sessions import Sessions

# How long a signed cookie is looked at; what counts is the invitation, which is checked each time.
COOKIE_DAYS = 400


class Invited(IdentityProvider):  # type: ignore[misc]  # jupyter_server is not followed by mypy
    """Knows people by a signed cookie that names their invitation, and asks the invitations at every request.

    The cookie holds no token. Nothing in an address or a header says who somebody is.
    """

    guests: Guests
    is_https = False

    async def get_user(self, handler: Any) -> User | None:
        """The annotator, or None without a cookie of ours or when the invitation has ended."""
        if not hasattr(handler, "_jupyter_current_user"):
            guest = self.guest(handler)
            handler.guest = guest if await self.guests.check(guest) else None
        guest = handler.guest
        return None if guest is None else User(username=guest.annotator)

    def guest(self, handler: Any) -> Guest | None:
        """Who the cookie names, whether or not they may still come in."""
        value = handler.get_signed_cookie(self.get_cookie_name(handler), max_age_days=COOKIE_DAYS)
        return None if value is None else Guest.from_text(value)

    def sign_in(self, handler: Any, guest: Guest, until: datetime) -> None:
        """Set the cookie that says who this browser is."""
        handler.set_signed_cookie(
            self.get_cookie_name(handler),
            guest.to_text(),
            expires_days=None,
            expires=until.astimezone(UTC),
            path=handler.base_url,
            httponly=True,
            secure=self._is_secure(handler),
            samesite="Lax",
        )

    def get_cookie_name(self, handler: Any) -> str:
        """One name for each address, as browsers share cookies between the ports of a host."""
        name = super().get_cookie_name(handler).replace("username-", "workbench-")
        # The prefix makes browsers refuse such a cookie unless it came over TLS, from this host alone.
        return f"__Host-{name}" if self._is_secure(handler) and handler.base_url == "/" else name

    def _is_secure(self, handler: Any) -> bool:
        return self.is_https or handler.request.protocol == "https"

    def get_handlers(self) -> list[tuple[str, object]]:
        """No login and no logout page."""
        return []

    def is_token_authenticated(self, _: Any) -> bool:
        """Never: a token would switch off the checks of where a request comes from."""
        return False

    @property
    def login_available(self) -> bool:
        """There is no login form."""
        return False


class OwnKernels(Authorizer):  # type: ignore[misc]
    """Allows the kernels somebody started, and no other resource of Jupyter's."""

    sessions: Sessions

    def is_authorized(self, handler: Any, user: User, action: str, resource: str) -> bool:  # noqa: ARG002
        """Whether this kernel is the annotator's own."""
        kernel = handler.path_kwargs.get("kernel_id", "")
        return resource == "kernels" and self.sessions.owns(user.username, kernel)
