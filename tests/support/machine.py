"""How much of this machine others take: what is promised in seconds is promised of a machine that does nothing else."""

import os

import psutil

MOST = 5.0
"""However busy the machine is, what takes longer than this allows is wrong by itself."""


class Machine:
    """What others take of it, from here on."""

    def __init__(self) -> None:
        self._begun = _spent()

    def stretch(self) -> float:
        """How many times as long work takes for want of the CPU that others take: 1 where they take none, `MOST` at most.

        Others are all processes but this one and those that it started.
        """
        all_of_it, busy, own = (now - then for now, then in zip(_spent(), self._begun, strict=True))
        foreign = max(0.0, busy - own) / max(all_of_it, 1e-9)
        return 1 / max(1 / MOST, 1 - foreign)


def _spent() -> tuple[float, float, float]:
    """CPU-seconds that there were so far, that were used, and that this process and its family used."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    this = psutil.Process(os.getpid())
    own = sum(this.cpu_times()[:4])  # with those of children that have ended
    for child in this.children(recursive=True):
        try:
            own += sum(child.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    whole = sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq", "steal")) + idle
    return whole, whole - idle, own
