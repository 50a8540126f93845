"""Addresses: what is read from elsewhere, and what may be asked there.

Whoever may start a load may name any URL, and the platform would ask it in their place. So over HTTP this machine and its
link are not asked, whatever a name resolves to and whereto a server redirects, unless a setting allows it.
"""

import socket
from ipaddress import ip_address
from typing import IO, Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import fsspec
import httpx

from tidemark.errors import BadInputError, UnreachableError
from tidemark.settings import Settings

CHUNK = 1 << 20
REDIRECTS = 5
PATIENCE = 30
"""Seconds in which something must come."""


def is_http(source: str) -> bool:
    """Whether `source` is asked over HTTP."""
    return source.startswith(("http://", "https://"))


def read(url: str, copy: IO[bytes], config: Settings) -> None:
    """Copy what `url` has.

    Args:
        url: any that fsspec knows.
        copy: where to.
        config: the settings.

    Raises:
        BadInputError: it may not be asked, has no such file, or a larger one than may be.
        UnreachableError: it does not answer.
    """
    most = int(config.landing_max_gb * 1e9)
    if is_http(url):
        return _over_http(url, copy, config, most)
    try:
        with fsspec.open(url, "rb") as stream:
            _copy(url, iter(lambda: stream.read(CHUNK), b""), copy, most)
    except (FileNotFoundError, PermissionError) as error:
        raise BadInputError(f"{url}: may not be read, or is not there ({error})") from None
    except OSError as error:
        raise UnreachableError(f"{url}: reading it failed ({type(error).__name__}: {str(error)[:200]})") from None


def _over_http(url: str, copy: IO[bytes], config: Settings, most: int) -> None:
    asked = url
    try:
        with httpx.Client(follow_redirects=False, timeout=PATIENCE, trust_env=True) as client:
            for _ in range(REDIRECTS):
                if not config.load_from_loopback:
                    _require_elsewhere(url, _resolved(asked))
                with client.stream("GET", asked, headers={"accept-encoding": "identity"}) as response:
                    if not config.load_from_loopback and not getproxies():
                        _require_elsewhere(url, _peer(response))  # a name may resolve otherwise the second time
                    if response.is_redirect:
                        asked = str(response.url.join(response.headers["location"]))
                        if not is_http(asked):
                            raise BadInputError(f"{url}: leads to {asked}, which is not asked")
                        continue
                    if response.status_code in (429, 500, 502, 503, 504):
                        raise UnreachableError(f"{url}: answers {response.status_code}")
                    if response.status_code != httpx.codes.OK:
                        raise BadInputError(f"{url}: answers {response.status_code}: there is no file for us")
                    _copy(url, response.iter_raw(CHUNK), copy, most)
                    _require_whole(url, response)
                    return
    except httpx.HTTPError as error:
        raise UnreachableError(f"{url}: does not answer ({type(error).__name__}: {str(error)[:200]})") from None
    except httpx.InvalidURL as error:
        raise BadInputError(f"{url}: no address ({error})") from None
    raise BadInputError(f"{url}: leads on and on ({REDIRECTS} redirects)")


def _require_whole(url: str, response: httpx.Response) -> None:
    said = response.headers.get("content-length")
    if said and said.isdigit() and int(said) != response.num_bytes_downloaded:
        raise UnreachableError(f"{url}: broke off after {response.num_bytes_downloaded:,} of {int(said):,} bytes")


def _resolved(url: str) -> list[str]:
    """The addresses of the host of `url`; none where nobody knows it, which connecting to it will tell."""
    parts = urlsplit(url)
    try:
        return [
            str(info[4][0]) for info in socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
        ]
    except (OSError, UnicodeError):
        return []


def _peer(response: httpx.Response) -> list[str]:
    """The address at the other end of the connection."""
    stream: Any = response.extensions.get("network_stream")
    peer = stream.get_extra_info("server_addr") if stream else None
    return [peer[0]] if peer else []


def _require_elsewhere(url: str, addresses: list[str]) -> None:
    """Refuse the addresses of this machine and its link."""
    for text in addresses:
        address = ip_address(text.split("%", maxsplit=1)[0])
        told = getattr(address, "ipv4_mapped", None) or address
        if told.is_loopback or told.is_link_local or told.is_unspecified:
            raise BadInputError(
                f"{url}: leads to this machine or its link ({told}), which a load does not ask. Set "
                "TIDEMARK_LOAD_FROM_LOOPBACK=true if it is to"
            )


def _copy(url: str, chunks: Any, copy: IO[bytes], most: int) -> None:
    came = 0
    for chunk in chunks:
        came += len(chunk)
        if came > most:
            raise BadInputError(
                f"{url}: more than {most / 1e9:.3g} GB, as much as one load may (TIDEMARK_LANDING_MAX_GB)"
            )
        copy.write(chunk)
