"""One server's start command. It holds no secret: those are in files of mode 600 or in the environment."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple


class Identity(NamedTuple):
    """Whom a process runs as: numbers of a user and of its only group."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Command:
    """What to run: arguments, and the environment it gets on top of the present one.

    With an `identity`, root becomes that user before it runs them; no right of root's is left then.
    """

    argv: list[str]
    env: Mapping[str, str] = field(default_factory=dict)
    identity: Identity | None = None

    def become(self) -> None:
        """Replace this process by the command: whoever started us now holds the server's own pid."""
        if self.identity:
            os.setgroups([])
            os.setgid(self.identity.gid)
            os.setuid(self.identity.uid)
        os.execvpe(self.argv[0], self.argv, os.environ | self.env)  # noqa: S606

    def start(self, output: IO[bytes] | int = subprocess.DEVNULL) -> "subprocess.Popen[bytes]":
        """Start it as a child, its output going to `output`."""
        return subprocess.Popen(
            self.argv,
            env=os.environ | self.env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            **self._another_user(),
        )

    @contextmanager
    def running(self, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
        """It as a child for the length of a block, its output at the end of `log`; asked to end, and made to after 30 s."""
        with log.open("ab") as output:
            process = self.start(output)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def run(self, what: str) -> None:
        """Run it to its end.

        Raises:
            RuntimeError: it failed; the message ends with what it said.
        """
        done = subprocess.run(
            self.argv,
            env=os.environ | self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **self._another_user(),
        )
        if done.returncode:
            tail = (done.stdout + done.stderr).strip()[-2_000:]
            raise RuntimeError(f"{what} failed with exit code {done.returncode}: {tail}")

    def _another_user(self) -> Mapping[str, Any]:
        if self.identity is None:
            return {}
        return {"user": self.identity.uid, "group": self.identity.gid, "extra_groups": []}
