"""The JVM jars, fetched by the Ivy that PySpark ships, each held against `jars.lock`. Standard library alone: set-up runs it."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tidemark.errors import JarError

IVY = Path(__file__).with_name("ivy.xml")
IVY_SETTINGS = Path(__file__).with_name("ivysettings.xml")
LOCK = Path(__file__).with_name("jars.lock")


def java() -> str:
    """The `java` to run: that of JAVA_HOME, or the first on the PATH."""
    home = os.environ.get("JAVA_HOME")
    return str(Path(home) / "bin" / "java") if home else "java"


def locked() -> dict[str, str]:
    """What `jars.lock` names: path below the jars' folder (`spark/...`, `kafka/...`) to SHA-256."""
    pairs = (line.split(maxsplit=1) for line in LOCK.read_text().splitlines())
    return {path: digest for digest, path in pairs}


def wrong(folder: Path) -> list[str]:
    """The locked jars that `folder` lacks or holds otherwise, and those it holds that no lock names."""
    held = {str(path.relative_to(folder)): path for path in folder.glob("*/*.jar")}
    wanted = locked()
    return sorted(
        path
        for path in wanted.keys() | held.keys()
        if path not in held or path not in wanted or hashlib.sha256(held[path].read_bytes()).hexdigest() != wanted[path]
    )


def fetch(venv: Path) -> None:
    """Put the locked jars into `<venv>/share/tidemark/jars`, all of them or none.

    Raises:
        JarError: Ivy failed, or a file is not the one that the lock names.
    """
    share = venv / "share" / "tidemark"
    final, fresh, cache = share / "jars", share / "jars.new", share / "ivy"
    if not wrong(final):
        return
    ivy = next(venv.glob("lib/python3*/site-packages/pyspark/jars/ivy-*.jar"), None)
    if ivy is None:
        raise JarError(f"PySpark is not whole in {venv}. Remove it and run it again")
    shutil.rmtree(fresh, ignore_errors=True)
    share.mkdir(parents=True, exist_ok=True)
    argv = [java(), f"-Divy.default.ivy.user.dir={cache}", "-jar", str(ivy)]
    argv += ["-settings", str(IVY_SETTINGS), "-ivy", str(IVY)]
    argv += ["-cache", str(cache / "cache"), "-confs", "spark", "kafka", "-types", "jar", "bundle"]
    argv += ["-retrieve", f"{fresh}/[conf]/[artifact]-[revision].[ext]"]
    said = ""
    # A registry may fail for a moment: what Ivy has fetched by then it keeps for the second try.
    for _ in range(2):
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        said = (done.stdout + done.stderr).strip()
        if done.returncode == 0:
            break
    else:
        raise JarError(f"The jars cannot be fetched: check the network and run it again. Ivy said:\n{said[-1_500:]}")
    if differing := wrong(fresh):
        raise JarError(
            f"These jars are not those of {LOCK.name}, so none is used: {', '.join(differing)}. Run it again"
        )
    shutil.rmtree(final, ignore_errors=True)
    fresh.rename(final)
    shutil.rmtree(cache, ignore_errors=True)


if __name__ == "__main__":  # for an image, whose Python is no .venv: python -m tidemark.spark.jars
    fetch(Path(sys.prefix))
