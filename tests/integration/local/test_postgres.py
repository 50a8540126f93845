"""PostgreSQL wherever the clone and its state lie and whoever runs it: closed folders, spaces, long paths, no root."""

import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest

from tests.support.own_settings import local_settings
from tidemark.errors import SettingError
from tidemark.local import layout, lifecycle, postgres, servant
from tidemark.local.servers import running
from tidemark.settings import ROOT, Settings

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")


def lay_out(site: Path) -> Path:
    """A copy of the installed programs in the folder `site`; gives the installation in it."""
    real = postgres.installation()
    for folder in (real, real.parents[1] / f"{postgres.PACKAGE}.libs"):
        shutil.copytree(folder, site / folder.relative_to(real.parents[1]))
    return site / real.relative_to(real.parents[1])


@pytest.fixture
def closed_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The programs below a folder that its owner alone may enter, and readable by that owner alone."""
    closed = tmp_path / "closed to others"
    closed.mkdir(mode=0o700)
    installation = lay_out(closed / "site-packages")
    for path in closed.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
    monkeypatch.setattr(postgres, "installation", lambda: installation)
    return installation


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, which `tmp_path` is not."""
    folder = Path(tempfile.mkdtemp(prefix="tidemark-tests-open-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def write(config: Settings, text: str) -> None:
    with postgres._connect(config) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS kept (text text)")
        cursor.execute("INSERT INTO kept VALUES (%s)", (text,))
    connection.close()


def kept(config: Settings) -> list[str]:
    with postgres._connect(config) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT text FROM kept ORDER BY text")
        rows = cursor.fetchall()
    connection.close()
    return [text for (text,) in rows]


@as_root
def test_as_root_below_a_closed_folder_it_runs_as_a_user_without_any_right(
    closed_installation: Path, tmp_path: Path
) -> None:
    assert closed_installation.is_relative_to(tmp_path / "closed to others")
    config = local_settings(tmp_path / "closed to others" / "state")
    with running("postgres", config) as process:
        write(config, "one")
        server = psutil.Process(process.pid)
        assert set(server.uids()) == {pwd.getpwnam(servant.NAME).pw_uid}
        assert set(server.gids()) <= set(servant.GROUPS)
        told = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        rights = [line.split()[1] for line in told if line.startswith(("CapInh", "CapPrm", "CapEff", "CapAmb"))]
        assert len(rights) == 4
        assert {int(right, 16) for right in rights} == {0}
        assert not list(layout.state_folder(config).rglob("PG_VERSION"))
    with running("postgres", config):
        assert kept(config) == ["one"]


@as_root
def test_what_root_lays_out_for_it_is_closed_to_all_others(closed_installation: Path, tmp_path: Path) -> None:
    config = local_settings(tmp_path / "state")
    stranger = ["setpriv", f"--reuid={servant.NAME}", "--regid=65534", "--clear-groups"]
    with running("postgres", config):
        home, owner = postgres.home(config), servant.identity(postgres.home(config))
        paths = [home, *home.rglob("*")]
        assert len(paths) > 1_000
        for path in paths:
            told = path.lstat()
            assert told.st_mode & 0o007 == 0 or path.is_symlink() or path.is_socket(), path
            assert (told.st_uid == 0 and not told.st_mode & 0o020) or told.st_uid == owner.uid, path
        for path in (home / "data", home / "run"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
            assert path.stat().st_uid == owner.uid
        # Others that happen to run as the same user are not of its group.
        assert subprocess.run([*stranger, "ls", home / "run"], capture_output=True, check=False).returncode != 0
        assert subprocess.run([*stranger, "ls", home], capture_output=True, check=False).returncode != 0


@as_root
def test_clean_removes_what_lies_outside_the_state_folder(tmp_path: Path) -> None:
    config, other = local_settings(tmp_path / "one"), local_settings(tmp_path / "other")
    with running("postgres", other):
        write(other, "other")
        with running("postgres", config):
            assert postgres.home(config) != postgres.home(other)
        home = postgres.home(config)
        lifecycle.remove(config)
        assert not home.exists()
        assert not layout.state_folder(config).exists()
        assert kept(other) == ["other"]
    with running("postgres", config), pytest.raises(psycopg2.errors.UndefinedTable):
        kept(config)


@as_root
def test_a_database_that_lay_in_the_state_folder_is_taken_along(tmp_path: Path) -> None:
    config = local_settings(tmp_path)
    with running("postgres", config):
        write(config, "before")
    home, own = postgres.home(config), servant.link(config)
    own.unlink()
    own.mkdir(mode=0o700)
    (home / "data").rename(own / "data")
    shutil.rmtree(home)
    with running("postgres", config):
        assert kept(config) == ["before"]
    assert own.is_symlink()
    assert not own.with_name("postgres.before").exists()


@as_root
def test_what_was_killed_half_way_or_is_of_another_version_is_made_whole(tmp_path: Path) -> None:
    config = local_settings(tmp_path)
    with running("postgres", config):
        write(config, "kept")
    home = postgres.home(config)
    (copy,) = home.glob("installation-*")
    program = copy / postgres.PACKAGE / postgres.INSTALLATION / "bin" / "postgres"
    program.write_bytes(program.read_bytes()[:1_000])
    (program.parents[1] / "share" / "postgresql" / "postgres.bki").chmod(0o600)
    shutil.rmtree(program.parents[1] / "lib")
    (home / "installation-0.0.1" / "bin").mkdir(parents=True)
    (home / "data.new" / "base").mkdir(parents=True)
    with running("postgres", config):
        assert kept(config) == ["kept"]
    assert list(home.glob("installation-*")) == [copy]
    shutil.rmtree(home)  # the link was written, its folder was not
    with running("postgres", config):
        assert postgres.home(config) == home


@as_root
def test_a_moved_state_keeps_its_database_and_a_copied_one_gets_its_own(tmp_path: Path) -> None:
    config = local_settings(tmp_path / "first")
    with running("postgres", config):
        write(config, "mine")
    moved = config.model_copy(update={"state": tmp_path / "moved"})
    config.state.rename(moved.state)
    with running("postgres", moved):
        assert kept(moved) == ["mine"]
        copied = moved.model_copy(update={"state": tmp_path / "copied"})
        shutil.copytree(moved.state, copied.state, symlinks=True, ignore=shutil.ignore_patterns("run"))
        with running("postgres", copied):
            assert postgres.home(copied) != postgres.home(moved)
        shutil.copytree(moved.state, tmp_path / "another", symlinks=True, ignore=shutil.ignore_patterns("run"))
        lifecycle.remove(moved.model_copy(update={"state": tmp_path / "another"}))
        assert kept(moved) == ["mine"]


@as_root
def test_the_first_place_that_others_may_enter_is_taken(
    tmp_path: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servant, "PLACES", (str(tmp_path / "none"), str(tmp_path), str(open_folder)))
    config = local_settings(tmp_path / "state")
    assert servant.ready(config).parent == open_folder
    monkeypatch.setattr(servant, "PLACES", (str(tmp_path),))
    assert servant.ready(config).parent == open_folder  # once chosen, it stays
    with pytest.raises(SettingError, match="run make as another user"):
        servant.ready(local_settings(tmp_path / "another"))


@as_root
def test_a_folder_that_somebody_else_has_put_there_is_refused(tmp_path: Path, open_folder: Path) -> None:
    config = local_settings(tmp_path)
    (open_folder / "trap").symlink_to(tmp_path)
    servant.link(config).symlink_to(open_folder / "trap")
    with pytest.raises(SettingError, match="not the folder that root made"):
        servant.ready(config)


@pytest.mark.parametrize("name", ["with space", 'it\'s "so"; 100%, $HOME', "x" * 120], ids=["space", "signs", "long"])
def test_on_any_path(name: str, tmp_path: Path) -> None:
    config = local_settings(tmp_path / name)
    with running("postgres", config):
        write(config, "one")
        asked = [sys.executable, "-c", "import os, sqlalchemy as s; s.create_engine(os.environ['A']).connect()"]
        subprocess.run(asked, env=os.environ | {"A": postgres.sqlalchemy_url(config)}, check=True)
    lifecycle.remove(config)


PROBE = """
import os, pwd, sys
from pathlib import Path
from tidemark.local import dotenv, lifecycle, postgres
from tidemark.local.servers import running
from tidemark.settings import settings

nobody = pwd.getpwnam("nobody")  # from here on; what is imported lies perhaps where only root may enter
os.setgroups([])
os.setgid(nobody.pw_gid)
os.setuid(nobody.pw_uid)
postgres.installation = lambda: Path(os.environ["INSTALLATION"])
with lifecycle.alone(settings()):
    config = lifecycle.prepare()
with running("postgres", config):
    print(dotenv.env_file(), config.airflow_password.get_secret_value(), postgres.home(config))
"""


@pytest.fixture
def another_users_clone(open_folder: Path) -> Path:
    """A clone that is root's, and a folder `mine` beside it that is `nobody`'s."""
    if os.geteuid() != 0:
        pytest.skip("only root may act as another user")
    clone = open_folder / "clone"
    shutil.copytree(ROOT / "src", clone / "src", ignore=shutil.ignore_patterns("__pycache__"))
    (open_folder / "mine").mkdir(mode=0o700)
    shutil.chown(open_folder / "mine", servant.NAME)
    lay_out(open_folder / "site-packages")
    return clone


def as_nobody(clone: Path, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run `PROBE` on the clone with these settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDEMARK_")}
    environment |= {
        "HOME": str(clone.parent / "mine"),
        "INSTALLATION": str(clone.parent / "site-packages" / postgres.PACKAGE / postgres.INSTALLATION),
        "PYTHONDONTWRITEBYTECODE": "1",  # root compiles here, whose clone it is
        "PYTHONPATH": str(clone / "src"),
    }
    argv = [sys.executable, "-c", PROBE]
    return subprocess.run(argv, env=environment | settings, cwd="/", capture_output=True, text=True, check=False)


def listing(folder: Path) -> dict[Path, float]:
    return {path: path.stat().st_mtime for path in (folder, *folder.rglob("*"))}


def test_a_user_who_may_not_write_the_clone_has_all_in_a_state_folder_of_their_own(another_users_clone: Path) -> None:
    (another_users_clone / ".env").write_text("TIDEMARK_AIRFLOW_PASSWORD=of-root\n")
    (another_users_clone / ".env").chmod(0o600)
    before, state = listing(another_users_clone), another_users_clone.parent / "mine" / "my state"
    first, second = (as_nobody(another_users_clone, TIDEMARK_STATE=str(state)) for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    file, password, home = first.stdout.strip().replace("my state", "my_state").split()
    assert file == str(state / "env").replace("my state", "my_state")
    assert home == str(state / "postgres").replace("my state", "my_state")
    assert stat.S_IMODE((state / "env").stat().st_mode) == 0o600
    assert f"TIDEMARK_AIRFLOW_PASSWORD={password}" in (state / "env").read_text()
    assert len(password) >= 32
    assert listing(another_users_clone) == before


def test_a_user_who_may_not_write_the_clone_is_told_to_name_a_state_folder(another_users_clone: Path) -> None:
    refused = as_nobody(another_users_clone)
    assert refused.stderr.strip().splitlines()[-1].startswith("tidemark.errors.SettingError")
    assert "TIDEMARK_STATE" in refused.stderr
    (another_users_clone / ".env").write_text("")
    (another_users_clone / ".env").chmod(0o600)
    refused = as_nobody(another_users_clone)
    assert ".env belongs to another user: set TIDEMARK_STATE" in refused.stderr
