"""Wrong passwords, a thousand in four seconds, by processes of their own: `python -m benchmarks.serve_guesses PORT FROM`."""

import contextlib
import itertools
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx

from tidemark.settings import ROOT

GUESSERS, A_SECOND = 4, 250
"""Who guesses, and how often all of them together; behind the others of this machine, for they would be on machines of their own."""
STARTING = 30.0

_rounds = itertools.count(2)

_TOKEN = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')


@contextlib.contextmanager
def guessing(address: tuple[str, int]) -> Iterator[None]:
    """`GUESSERS` processes guess for the length of a block, each from when it has had its first answer; from an address of the
    loopback that nobody has guessed from, for of one that has most are turned away unread.

    Raises:
        RuntimeError: one does not begin within `STARTING`.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    command = [
        "nice",
        "-n",
        "19",
        sys.executable,
        "-m",
        "benchmarks.serve_guesses",
        str(address[1]),
        f"127.0.1.{next(_rounds)}",
    ]
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(GUESSERS)]
    try:
        for one in started:
            assert one.stdout is not None
            if not one.stdout.readline():
                raise RuntimeError("nobody guesses passwords: the sign-in page does not answer")
        yield
    finally:
        for one in started:
            one.kill()
            one.wait()


def main(port: int, own: str) -> None:
    """Guess until somebody ends it: another account each time, none of which there is."""
    url = f"http://127.0.0.1:{port}"
    transport = httpx.HTTPTransport(local_address=own)
    with httpx.Client(
        base_url=url, headers={"Origin": url}, timeout=STARTING, trust_env=False, transport=transport
    ) as client:
        token = _TOKEN.search(client.get("/sign-in").text)
        if token is None:
            sys.exit("the sign-in page has no form")
        for number in itertools.count():
            form = {
                "csrf_token": token[1],
                "email": f"g{os.getpid()}-{number}@tidemark.example",
                "password": "a wrong guess",
            }
            client.post("/sign-in", data=form)
            if number == 0:
                print("guessing", flush=True)
                begun = time.monotonic()
            time.sleep(max(0.0, begun + (number + 1) * GUESSERS / A_SECOND - time.monotonic()))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
