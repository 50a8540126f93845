"""What a person sees while the platform works: one line for each step, with the time it took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

console = Console(highlight=False)
if not console.is_terminal:
    console.width = 120  # a log or a pipe has no edge of its own


def seconds(elapsed: float) -> str:
    """4.2 -> "4.2 s"; 184.2 -> "3 min 4 s"."""
    return f"{elapsed:.1f} s" if elapsed < 100 else f"{elapsed // 60:.0f} min {elapsed % 60:.0f} s"


def _line(mark: str, style: str, what: str, elapsed: float) -> Text:
    return Text.assemble("  ", (mark, style), f" {what:<46} ", (f"{seconds(elapsed):>12}", "dim"))


def say_done(what: str, elapsed: float, *, good: bool = True) -> None:
    """One line for a step that is over."""
    console.print(_line("✓" if good else "✗", "green" if good else "red", what, elapsed))


class _Clock:
    """A line that counts its own time while it is shown."""

    def __init__(self, what: str) -> None:
        self.what, self.started = what, time.monotonic()

    def __rich__(self) -> Text:
        return _line("…", "yellow", self.what, self.elapsed)

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started


@contextmanager
def step(what: str) -> Iterator[None]:
    """Show what is being done, its elapsed time running; where no terminal is, one line when it is over."""
    clock = _Clock(what)
    good = False
    try:
        if console.is_terminal:
            with Live(clock, console=console, transient=True, refresh_per_second=5):
                yield
        else:
            yield
        good = True
    finally:
        say_done(what, clock.elapsed, good=good)
