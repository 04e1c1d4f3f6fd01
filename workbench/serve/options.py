"""How a labelling page is served: the address, the limits, the model under attack."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from workbench.errors import ServeError

IP = "127.0.0.1"
PORT = 8866


@dataclass(frozen=True)
class Options:
    """What `workbench serve` was asked for.

    Parameters
    ----------
    ip, port
        Where to listen. Anything but a loopback address is reachable from other machines.
    url
        The address people type in, where that is another one than `http://ip:port/`: of the proxy in front, with the
        path it serves the page under.
    behind_proxy
        Believe `X-Forwarded-For` and `X-Forwarded-Proto`. Only where a proxy in front sets them: else anybody can.
    max_sessions
        Pages that are open at once, over all annotators. Each has a kernel of its own.
    per_annotator
        Pages of one annotator that are open at once; a further one ends their oldest.
    idle_minutes
        A page on which nothing was done for so long is ended.
    model, model_url
        Who answers in red teaming: the name of a model on this machine, or of one on a server that speaks the OpenAI
        chat protocol at `model_url`.

    Raises
    ------
    ServeError
        When an address, a port or a limit cannot be meant.
    """

    ip: str = IP
    port: int = PORT
    url: str = ""
    behind_proxy: bool = False
    max_sessions: int = 20
    per_annotator: int = 2
    idle_minutes: float = 20
    model: str = ""
    model_url: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 65535:
            raise ServeError(f"no port: {self.port}", next_step="give one from 1024 to 65535: --port 8866")
        try:
            ipaddress.ip_address(self.ip)
        except ValueError:
            raise ServeError(
                f"no IP address: {self.ip!r}", next_step="--ip 127.0.0.1 for this machine, 0.0.0.0 for all"
            ) from None
        if self.max_sessions < 1 or self.per_annotator < 1 or self.idle_minutes <= 0:
            raise ServeError("--max-sessions and --idle-minutes must be above 0")
        if self.model_url and not self.model:
            raise ServeError("--model-url needs the name of the model there", next_step="add --model NAME")
        checked_url(self.url or self.public_url)

    @property
    def public_url(self) -> str:
        """The address of the page as people type it in; ends with a slash."""
        host = f"[{self.ip}]" if ":" in self.ip else self.ip
        return checked_url(self.url) if self.url else f"http://{host}:{self.port}/"

    @property
    def base_path(self) -> str:
        """The path part of `public_url`, for example `/` or `/pilot-x/`."""
        return urlsplit(self.public_url).path

    @property
    def origin(self) -> str:
        """The origin a browser sends with requests of this page, for example `https://label.lab.example`."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}".lower()

    @property
    def is_https(self) -> bool:
        """Whether people come over TLS, so that cookies are sent over nothing else."""
        return self.origin.startswith("https://")

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        return ipaddress.ip_address(self.ip).is_loopback


def checked_url(url: str) -> str:
    """A public address with a slash at its end.

    Raises
    ------
    ServeError
        When it is no http(s) address, or has a query, a fragment or a password.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ServeError(
            f"no address of a page: {url!r}",
            next_step="give one like https://label.lab.example/ or http://127.0.0.1:8866/",
        )
    return url if url.endswith("/") else f"{url}/"
