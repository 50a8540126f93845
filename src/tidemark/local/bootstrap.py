"""Set-up from a fresh clone: `.venv` from the hash-locked requirements, and the JVM jars. `make setup` runs it.

It runs before anything is installed, so it uses the standard library alone. Each step is skipped when what it made is
still of the same locks; a set-up that was killed is simply run again.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tidemark.errors import JarError, SetupError
from tidemark.spark import jars

ROOT = Path(__file__).resolve().parents[3]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "tidemark-setup.json"
LEAST_JAVA = 17
NEEDED_GB = 6
SHOWN_LINES = 5
PROGRAMS = ("chromium", "docker-compose")
"""Debian packages, and the commands that they bring: a real browser, and what reads docker-compose.yaml."""

GB = 1 << 30

Stamp = dict[str, str]


@contextmanager
def step(what: str) -> Iterator[None]:
    """Show what is being done and how long it took."""
    started = time.monotonic()
    print(f"  {what} ...", end=" ", flush=True)
    try:
        yield
    except BaseException:
        print("failed")
        raise
    print(f"{time.monotonic() - started:.1f} s")


def check_machine() -> None:
    """Raise `SetupError` where Tidemark cannot run."""
    if sys.version_info[:2] != (3, 11):
        raise SetupError(
            f"Python 3.11 is needed, this is {platform.python_version()}. Install it, e.g.: apt-get install python3.11 python3.11-venv"
        )
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise SetupError(
            f"The local servers are built for Linux on x86_64, this is {platform.system()} on {platform.machine()}"
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise SetupError("This Python cannot make a venv. Install it, e.g.: apt-get install python3.11-venv") from None
    version = java_version()
    if version is None or version < LEAST_JAVA:
        have = "Java is not here" if version is None else f"This is Java {version}"
        raise SetupError(
            f"{have}; Java {LEAST_JAVA} or newer is needed. Install it, e.g.: apt-get install openjdk-17-jre-headless"
        )


def java_version() -> int | None:
    """The major version of the `java` that would be run, or None."""
    try:
        done = subprocess.run([jars.java(), "-version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    major = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    return int(major.group(1)) if major else None


def check_disk() -> None:
    """Raise `SetupError` when what is about to be installed, and then run, would not fit."""
    free = shutil.disk_usage(ROOT).free / GB
    if free < NEEDED_GB:
        raise SetupError(f"{free:.1f} GB are free at {ROOT}, {NEEDED_GB} are needed. Make room and run it again")


def check_writable() -> None:
    """Raise `SetupError` where the clone cannot be written to and so gets no `.venv`."""
    if not os.access(ROOT, os.W_OK):
        raise SetupError(
            f"{ROOT} cannot be written to. Run make setup in it as its owner; from then on it may be read-only, and "
            "whoever runs it sets TIDEMARK_STATE to a folder of their own"
        )


def digest(*paths: Path) -> str:
    """One SHA-256 over the files."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()


def read_stamp() -> Stamp:
    """What the last whole set-up was made from; empty where there was none, or where the clone has moved since."""
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    moved = stamp.get("root") != str(ROOT) or not PYTHON.exists()
    return {} if moved else stamp


def write_stamp(stamp: Stamp) -> None:
    """Keep `stamp`, whole or not at all."""
    beside = STAMP.with_suffix(".part")
    beside.write_text(json.dumps(stamp, indent=2))
    beside.replace(STAMP)


def make_venv(stamp: Stamp) -> None:
    """Make `.venv`, anew where it is not of this clone and this Python."""
    with step("making .venv"):
        if VENV.exists() and not VENV.is_symlink() and not stamp:
            if any(VENV.iterdir()) and not (VENV / "pyvenv.cfg").exists():
                raise SetupError(f"{VENV} is not a virtual environment. Move it away and run it again")
            shutil.rmtree(VENV)
        _call([sys.executable, "-m", "venv", str(VENV)], "making .venv")
        write_stamp({"root": str(ROOT)})


def install_packages(lock: Path) -> None:
    """Install exactly what `lock` names, each file checked against its hash."""
    with step("installing the installer"):
        bootstrap = ROOT / "requirements-bootstrap.lock"
        _call([str(PYTHON), "-m", "pip", "install", "-q", "--require-hashes", "-r", str(bootstrap)], "pip")
    with step(f"installing {lock.name}"):
        # Compiled now, once: without it every start of Airflow compiles again, 10 s instead of 2.5 s.
        environment = {"UV_COMPILE_BYTECODE": "1", "UV_LINK_MODE": "copy", "VIRTUAL_ENV": str(VENV)}
        uv = [str(VENV / "bin" / "uv"), "pip", "install", "-q", "--python", str(PYTHON)]
        _call([*uv, "--require-hashes", "-r", str(lock)], "uv", environment)
    link_tidemark()


def link_tidemark() -> None:
    """Let `.venv` import Tidemark from this clone, and give it the command `tidemark`."""
    asked = [str(PYTHON), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
    (site / "tidemark.pth").write_text(f"{ROOT / 'src'}\n")
    script = VENV / "bin" / "tidemark"
    # A shell finds the interpreter: its path may be too long, or hold a space, for a first line.
    script.write_text('#!/bin/sh\nexec "$(dirname "$0")/python" -m tidemark.cli "$@"\n')
    script.chmod(0o755)


def lay_out_classes() -> str:
    """Let Spark's drivers start in half the time; all works without. Gives why it was not done; empty where it was."""
    try:
        _call([str(PYTHON), "-m", "tidemark.spark.lay_out_classes"], "laying out the classes")
    except SetupError as error:
        return str(error).splitlines()[-1][:200]
    return ""


def install_programs() -> None:
    """Install the Debian packages that the tests drive, where this user may; else say what does it. Never fails: tests
    that need one say so, and on CI (environment variable CI) they fail."""
    missing = [package for package in PROGRAMS if not shutil.which(package)]
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        print(f"The tests want {' and '.join(missing)} too: sudo {' '.join(command)}", file=sys.stderr)
        return
    with step(f"installing {' and '.join(missing)}"):
        # A fresh image has no lists of packages, and old lists name files that are gone.
        said = _apt(command) and _apt(["apt-get", "update"]) + _apt(command)
    if said:
        print(f"{said}. The tests go on without; by hand: {' '.join(command)}", file=sys.stderr)


def _apt(command: list[str]) -> str:
    """Run it; empty, or the last line of why it failed."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return (
        "" if done.returncode == 0 else (done.stderr or done.stdout or "apt-get failed").strip().splitlines()[-1][:300]
    )


def _call(argv: list[str], what: str, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        argv, env=os.environ | (environment or {}), capture_output=True, text=True, check=False, cwd=ROOT
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        offline = re.search(r"(?i)connect|resolve|timed? ?out|network|dns|No matching distribution", said)
        advice = (
            "The package registry cannot be reached: check the network and run it again" if offline else "Run it again"
        )
        raise SetupError(f"{what} failed. {advice}. It said:\n" + "\n".join(said.splitlines()[-SHOWN_LINES:]))


def main() -> int:
    """Set up; 0 when all is there."""
    parser = argparse.ArgumentParser(description="Set up .venv and the jars.")
    parser.add_argument("--dev", action="store_true", help="with the tools for tests and linting")
    parser.add_argument("--programs", action="store_true", help="with the Debian packages that the tests drive")
    given = parser.parse_args()
    wanted = "requirements-dev.lock" if given.dev else "requirements-local.lock"
    try:
        check_machine()
        if given.programs:
            install_programs()
        stamp = read_stamp()
        # The lock for development holds all of the other: what satisfies it satisfies both.
        locks = {name: digest(ROOT / name) for name in ("requirements-local.lock", "requirements-dev.lock")}
        have_packages = stamp.get(wanted) == locks[wanted]
        have_jars = stamp.get("jars") == digest(jars.IVY, jars.LOCK)
        if have_packages and have_jars:
            return 0
        check_writable()
        check_disk()
        print("Setting up (once; again only when a lock has changed)")
        started = time.monotonic()
        if not stamp:
            make_venv(stamp)
            stamp = read_stamp()
        if not have_packages:
            install_packages(ROOT / wanted)
            both = wanted == "requirements-dev.lock"
            write_stamp(stamp := stamp | (locks if both else {wanted: locks[wanted]}))
        # One waits for the network, the other needs a processor.
        with step("fetching the jars, laying out Spark's classes"), ThreadPoolExecutor(1) as side:
            laid_out = side.submit(lay_out_classes)
            if not have_jars:
                jars.fetch(VENV)
                write_stamp(stamp := stamp | {"jars": digest(jars.IVY, jars.LOCK)})
            if why := laid_out.result():
                print(f"(classes are not laid out: {why})", end=" ")
        print(f"Set up in {time.monotonic() - started:.0f} s")
    except (SetupError, JarError) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Set-up failed: {error}. Mend that and run it again", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run it again to go on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
