"""The arithmetic holds on other processors than this one: the numeric tests again, under each kernel of BLAS and its threads.

OpenBLAS chooses its kernel by the processor when it is loaded, so each has a process of its own. `TIDEMARK_FULL=1` runs them under
two more.
"""

import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tidemark.settings import ROOT

NUMERIC = [
    "tests/unit/evaluation/test_disparity.py",
    "tests/unit/evaluation/test_promotion.py",
    "tests/unit/evaluation/test_ranking_metrics.py",
    "tests/unit/evaluation/test_splits.py",
    "tests/unit/models/test_bias.py",
    "tests/unit/models/test_fold_in.py",
    "tests/unit/models/test_ranking.py",
    "tests/unit/models/test_recommenders.py",
]

NEEDED = {"SkylakeX": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}, "Haswell": {"avx2", "fma"}}
"""Kernel -> what the processor must have, as /proc/cpuinfo calls it: without it the process ends by an illegal instruction."""
NEEDED |= {"Zen": NEEDED["Haswell"], "Nehalem": {"sse4_2"}}

STAND_INS = {"Zen": "Haswell"}
"""Builds with few kernels, as the wheels of NumPy and SciPy, have none of Zen's own: OpenBLAS then takes Haswell's."""

RUN = """
import json, sys
import numpy, pytest, scipy.linalg
from threadpoolctl import threadpool_info
print("USED " + json.dumps([one for one in threadpool_info() if one["user_api"] == "blas"]), flush=True)
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", *sys.argv[1:]]))
"""


@dataclass(frozen=True)
class Machine:
    """A processor as the numeric libraries are to see it; `simd`: with NumPy's own vector instructions."""

    kernel: str
    threads: int
    simd: bool = True

    def __str__(self) -> str:
        return f"{self.kernel}-{self.threads}{'' if self.simd else '-without-simd'}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which OpenBLAS, MKL, OpenMP and NumPy are told."""
        features = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
        threads = {f"{library}_NUM_THREADS": str(self.threads) for library in ("OPENBLAS", "MKL", "OMP")}
        simd = {} if self.simd else {"NPY_DISABLE_CPU_FEATURES": " ".join(features)}
        return {"OPENBLAS_CORETYPE": self.kernel} | threads | simd


MACHINES = [Machine("Haswell", 1), Machine("SkylakeX", 2), Machine("Nehalem", 1, simd=False)]
if os.environ.get("TIDEMARK_FULL"):
    MACHINES += [Machine("SkylakeX", 1), Machine("Zen", 2)]


def lacking(kernel: str) -> set[str]:
    """What the kernel needs and this processor has not."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), [])
    return NEEDED[kernel] - set(flags)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="these kernels are of x86-64")
@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_the_numeric_tests_pass_under_every_kernel(machine: Machine) -> None:
    if lacking(machine.kernel):
        pytest.skip(f"this processor has no {', '.join(sorted(lacking(machine.kernel)))}")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    path = os.pathsep.join(str(ROOT / folder) for folder in ("src", "."))
    done = subprocess.run(
        [sys.executable, "-c", RUN, *NUMERIC],
        env=inherited | {"PYTHONPATH": path} | machine.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-2_000:]
    (said,) = [line.removeprefix("USED ") for line in done.stdout.splitlines() if line.startswith("USED ")]
    used = [blas for blas in json.loads(said) if blas["internal_api"] == "openblas"]
    folders = {Path(blas["filepath"]).parent.name for blas in used}
    assert {"numpy.libs", "scipy.libs"} <= folders, "NumPy and SciPy are to bring an OpenBLAS each"
    assert {blas["num_threads"] for blas in used} == {min(machine.threads, len(os.sched_getaffinity(0)))}
    assert {blas["architecture"] for blas in used} <= {machine.kernel, STAND_INS.get(machine.kernel)}
