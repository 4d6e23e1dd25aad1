"""The settings of who reaches the app, who may come in, and how much of it one person may use."""

import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from ptrapp.core.people import Role

_ROOT_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")
_HOST_NAME = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
_SITE = re.compile(r"https?://(\*\.)?[A-Za-z0-9.-]+(:[0-9]+)?")


class AccessSettings(BaseSettings):
    """How the app is reached, and by whom. A part of `Settings`."""

    # a field has the text of `--help` from the class that defines it
    model_config = SettingsConfigDict(use_attribute_docstrings=True)

    host: str = "127.0.0.1"
    """Address to listen on; anything but loopback needs `--open`."""
    port: Annotated[int, Field(ge=1, le=65535)] = 7860
    """Port to listen on; the one Hugging Face Spaces expects."""
    open: bool = False
    """Allow listening beyond loopback: strangers reach the page, as --visitor-role lets them."""
    visitor_role: Role = Role.ADMIN
    """What a browser that is not signed in may do: admin, annotator, viewer. Where it is not admin
    and nobody is one, the terminal shows a link that makes a browser one, once."""
    framed: bool = False
    """The pages stand in another site's frame, over HTTPS, as on Hugging Face Spaces: without it a
    browser would not send its cookie there, and each request would come from somebody new."""
    framed_by: tuple[str, ...] = ()
    """Sites whose frame that may be, such as https://huggingface.co; say it once for each. With
    --framed and none, any site's; without --framed nobody frames the pages."""
    root_path: str = ""
    """Path of the app's address behind a reverse proxy, such as /thrice; empty where it has a host
    of its own."""
    allowed_host: tuple[str, ...] = ()
    """Host names that visitors use besides the address listened on, such as a proxy's; say it once
    for each. With --open, addresses in numbers are served too, other names are not."""
    trusted_proxy: tuple[str, ...] = ()
    """Addresses or networks of proxies whose X-Forwarded-* headers count; say it once for each."""
    hf_client_id: str = ""
    """Client id of an OAuth app at Hugging Face: people sign in with their account there. A Space
    has one by itself."""
    hf_client_secret: SecretStr = SecretStr("")
    """Its secret; better as THRICE_HF_CLIENT_SECRET."""
    hf_provider: str = "https://huggingface.co"
    """Who says who somebody is; another hub's address where one is used."""
    hf_admin: tuple[str, ...] = ()
    """Names at Hugging Face, or ids as id:ID, of who is an admin once signed in with it; say it
    once for each. An id stays when she is renamed there. In a Space: who made it."""
    runs_per_person: Annotated[int, Field(ge=1, le=1000)] = 4
    """Runs of one person that are written at once: one to watch, and some in other tabs."""
    tokens_per_person: Annotated[int, Field(ge=1, le=10_000_000)] = 50_000
    """Tokens that the runs of one person may still write at once: about three of the longest runs
    that the page offers."""
    jobs_per_person: Annotated[int, Field(ge=1, le=1000)] = 10
    """Jobs of one person that are queued or running at once: the worker does one at a time."""
    upload_mib_per_hour: Annotated[int, Field(ge=1, le=100_000)] = 256
    """MiB that one person may upload in an hour: eight of the largest imports."""
    request_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Seconds in which a request's head must have come, and its body for each MiB begun: a slow
    phone line takes eight for one. And in which a client must take the next part of an export."""
    max_connections: Annotated[int, Field(ge=8, le=100_000)] = 512
    """Connections at once; a page holds about seven, and each takes one of the program's files."""

    @property
    def address(self) -> str:
        """The app's address for a browser on this machine."""
        shown = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        host = f"[{shown}]" if ":" in shown else shown
        return f"http://{host}:{self.port}{self.root_path}"

    def mistakes_of_access(self) -> Iterator[str]:
        """Yields a sentence for each setting that cannot work."""
        yield from self._beyond_loopback()
        yield from self._behind_a_proxy()
        if bool(self.hf_client_id) != bool(self.hf_client_secret.get_secret_value()):
            yield "hf-client-id and hf-client-secret belong together; say both or neither"
        if not _SITE.fullmatch(self.hf_provider.rstrip("/")):
            yield f"hf-provider {self.hf_provider} is no address; it is like https://huggingface.co"

    def _beyond_loopback(self) -> Iterator[str]:
        if self.visitor_role is Role.JUDGE:
            yield "visitor-role judge is for programs, by tokens; choose admin, annotator or viewer"
        if not self.open and not _is_loopback(self.host):
            yield (
                f"host {self.host} can be reached from other machines; listen on 127.0.0.1, or say "
                "--open, and with --visitor-role what strangers may do"
            )

    def _behind_a_proxy(self) -> Iterator[str]:
        if not _ROOT_PATH.fullmatch(self.root_path):
            yield f"root-path {self.root_path} is no path; it is like /thrice, without an end slash"
        for host in self.allowed_host:
            if not _HOST_NAME.fullmatch(host):
                yield f"allowed-host {host} is no host name; it is like thrice.example, no port"
        for site in self.framed_by:
            if not _SITE.fullmatch(site):
                yield f"framed-by {site} is no site; it is like https://huggingface.co"
        for proxy in self.trusted_proxy:
            try:
                ip_network(proxy)
            except ValueError:
                yield f"trusted-proxy {proxy} is no address and no network, such as 10.0.0.0/8"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
