"""docker-compose.yaml: valid, safe, and in step with the settings, the locks and the servers that tests run on."""

import os
import re
import shutil
import subprocess
from importlib.metadata import version
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from tidemark import __version__
from tidemark.deployment import airflow_options
from tidemark.local import airflow, dotenv, postgres, shop_services
from tidemark.operations import health
from tidemark.settings import ROOT, Settings
from tidemark.spark import jars

TEXT = (ROOT / "docker-compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
ONE_SHOT = {"airflow-init", "mongo-init"}
OF_ONE_MACHINE = {"state", "artifacts", "landing", "kafka_controller_port", "mongo_cache_gb", "mongo_root_password"}
OF_ONE_MACHINE |= {"shop_packs", "shop_live_port", "shop_password"}
"""Settings that mean nothing inside a container: folders are volumes, the servers are the images' own, ports inside are
nobody's to choose, and demo accounts are made by `make run`."""
SHOP = ("storefront", "live", "engagement")
"""Secrets of what need not be there."""


def variables() -> dict[str, set[str]]:
    """Each `${TIDEMARK_...}` of the file with what follows its name (`:-default` or `:?message`)."""
    found: dict[str, set[str]] = {}
    for name, rest in re.findall(r"\$\{(TIDEMARK_[A-Z0-9_]+)([^}]*)\}", TEXT):
        found.setdefault(name, set()).add(rest)
    return found


def field(variable: str) -> str:
    return variable.removeprefix("TIDEMARK_").lower()


@pytest.fixture(scope="module")
def docker_compose() -> str:
    found = shutil.which("docker-compose")
    if found is None and os.environ.get("CI"):
        pytest.fail("docker-compose is not installed, and this is CI: apt-get install --yes docker-compose")
    if found is None:
        pytest.skip("docker-compose is not installed: apt-get install docker-compose")
    return found


def test_docker_compose_accepts_it(docker_compose, tmp_path):
    given = tmp_path / "env"
    given.write_text("".join(f"{name}={8080 if name.endswith('_PORT') else 'x'}\n" for name in variables()))
    argv = [docker_compose, "--env-file", str(given), "--file", str(ROOT / "docker-compose.yaml"), "config"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(yaml.safe_load(done.stdout)["services"]) == set(SERVICES)


def test_secrets_are_files_and_in_no_environment(tmp_path):
    secret = {f"tidemark_{name}" for name, one in Settings.model_fields.items() if isinstance(one.default, SecretStr)}
    assert set(COMPOSE["secrets"]) == secret - {"tidemark_shop_password"}
    for name, one in COMPOSE["secrets"].items():
        assert one == {"file": f"${{TIDEMARK_CLUSTER_SECRETS:-./secrets}}/{name}"}
    for name, service in SERVICES.items():
        held = {variable.lower().removesuffix("_file") for variable in service.get("environment", {})}
        assert not held & secret, name
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
    subprocess.run([ROOT / "deploy/docker/secrets.sh", tmp_path / "made"], check=True)
    assert {file.name for file in (tmp_path / "made").iterdir()} == set(COMPOSE["secrets"])


def test_secrets_are_made_once_and_fit_what_they_are_for(tmp_path):
    from cryptography.fernet import Fernet

    rounds = []
    for _ in range(2):
        subprocess.run([ROOT / "deploy/docker/secrets.sh", tmp_path], check=True)
        made = {file.name.removeprefix("tidemark_"): file.read_text() for file in tmp_path.iterdir()}
        Fernet(made["airflow_fernet_key"])
        assert re.fullmatch(r"[A-Za-z0-9+/=]{6,1024}", made["cluster_mongo_key"])
        passwords = {name: text for name, text in made.items() if text and name != "cluster_mongo_key"}
        assert all(re.fullmatch(r"[A-Za-z0-9_=-]{32,44}", text) for text in passwords.values())
        assert len(set(passwords.values())) == len(passwords) == 10
        rounds.append(made)
    assert rounds[0] == rounds[1]


def test_each_variable_is_a_setting_with_the_same_default():
    for name, rests in variables().items():
        assert field(name) in Settings.model_fields, f"{name} is no setting"
        default = Settings.model_fields[field(name)].default
        assert not isinstance(default, SecretStr), f"{name} is a secret: a file, and no variable"
        assert rests == {f":-{default}"}, f"{name}: the setting's default is {default!r}"


def test_each_variable_is_in_the_example():
    listed = set(re.findall(r"^(TIDEMARK_\w+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(variables()) <= listed
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == dotenv.example()


def test_each_setting_of_a_job_reaches_the_containers_that_run_jobs():
    of_jobs = SERVICES["airflow-scheduler"]["environment"].keys() | SERVICES["storefront"]["environment"].keys()
    passed = {field(name) for name in of_jobs if name.startswith("TIDEMARK_")}
    passed |= {field(name) for name in variables()} | {name.removeprefix("tidemark_") for name in COMPOSE["secrets"]}
    assert set(Settings.model_fields) - passed == OF_ONE_MACHINE - {"mongo_root_password"}


def test_each_airflow_option_exists():
    from airflow.configuration import conf
    from airflow.providers.fab.get_provider_info import get_provider_info

    described = conf.configuration_description | get_provider_info()["config"]
    for service in SERVICES.values():
        for name in service.get("environment", {}):
            if name.startswith("AIRFLOW__"):
                section, option = name.removeprefix("AIRFLOW__").lower().split("__")
                known = described[section]["options"]
                if option.endswith("_cmd"):
                    assert known[option.removesuffix("_cmd")]["sensitive"], f"{name}: Airflow asks no command for it"
                else:
                    assert option in known, name


def test_the_options_that_one_machine_and_the_cluster_share_are_the_same():
    composed = {n.removesuffix("_CMD"): v for n, v in SERVICES["airflow-scheduler"]["environment"].items()}
    assert airflow_options.environment(Settings(_env_file=None)).keys() <= composed.keys()
    for name, value in airflow_options.variables(airflow_options.CONSTANT).items():
        assert composed[name].lower() == value.lower(), name  # "False" is "false" to Airflow


def test_airflow_runs_as_on_one_machine_where_it_should():
    config = Settings(_env_file=None)
    local = {name for name in airflow.environment(config) if name.startswith("AIRFLOW__")}
    given = SERVICES["airflow-scheduler"]["environment"]
    composed = {name.removesuffix("_CMD") for name in given if name.startswith("AIRFLOW__")}
    # Roles in production, one user on one machine.
    assert {name for name in composed - local if not name.startswith("AIRFLOW__FAB__")} == set()
    # What one small machine needs and a server does not.
    assert local - composed <= {
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS",
        "AIRFLOW__API__WORKERS",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME",
    }
    commands = {name: service["command"][1] for name, service in SERVICES.items() if name.startswith("airflow-")}
    del commands["airflow-init"]
    assert commands == {name: arguments[0] for name, arguments in airflow.COMPONENTS.items()}


def test_airflow_asks_its_own_fab_auth_manager_in_every_component():
    place = re.search(
        r"^COPY deploy/docker/airflow (\S+)$",
        (ROOT / "deploy" / "docker" / "Dockerfile").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert place
    folder = ROOT / "deploy" / "docker" / "airflow"
    for name in (name for name in SERVICES if name.startswith("airflow")):
        environment = SERVICES[name]["environment"]
        module, class_name = environment["AIRFLOW__CORE__AUTH_MANAGER"].split(".")
        assert f"class {class_name}(FabAuthManager)" in (folder / f"{module}.py").read_text(encoding="utf-8")
        assert "FabAuthManager" in class_name, "by that Airflow knows that the sessions, and rights by DAG, are FAB's"
        # Of a file that is not there Flask says nothing.
        where, _, file = environment["AIRFLOW__FAB__CONFIG_FILE"].rpartition("/")
        assert (place[1], where) == ("./airflow", "/opt/tidemark/airflow")
        assert (folder / file).is_file()
    made = "python /opt/tidemark/airflow/"
    (script,) = re.findall(rf"{made}(\S+)", " ".join(SERVICES["airflow-init"]["command"]))
    assert (folder / script).is_file()


def test_the_first_users_password_and_the_providers_secret_are_where_they_are_needed_alone():
    of = {name: set(service.get("secrets", [])) for name, service in SERVICES.items()}
    assert {name for name, held in of.items() if "tidemark_airflow_password" in held} == {"airflow-init"}
    assert {name for name, held in of.items() if "tidemark_oidc_client_secret" in held} == {"airflow-api-server"}


def test_images_are_those_that_tests_run_on():
    ivy = jars.IVY.read_text(encoding="utf-8")
    kafka = re.search(r'name="kafka_2.13" rev="([\d.]+)"', ivy)
    pg = subprocess.run(
        [str(postgres.installation() / "bin" / "postgres"), "--version"], capture_output=True, text=True, check=True
    )
    assert kafka
    expected = {
        "kafka": f"apache/kafka:{kafka[1]}",
        "postgres": f"postgres:{pg.stdout.split()[-1]}",
    }
    # Tests run on 6.0.5, which is past its end: docs/decisions/0019-mongodb-6-and-8.md.
    expected |= dict.fromkeys(["mongo", "mongo-init"], "${TIDEMARK_CLUSTER_MONGO_IMAGE:-mongo:8.0}")
    proxy = SERVICES["proxy"]["image"]
    assert re.fullmatch(r"caddy:\d+\.\d+\.\d+", proxy), "no tests run on it, but everybody gets the same"
    expected["proxy"] = proxy
    for name, service in SERVICES.items():
        assert service["image"] == expected.get(name, f"tidemark:{__version__}"), name
    assert f'spark-sql-kafka-0-10_2.13" rev="{version("pyspark")}' in ivy
    assert "FROM python:3.11" in (ROOT / "deploy" / "docker" / "Dockerfile").read_text(encoding="utf-8")


def test_connections_name_services_and_the_ports_they_listen_on():
    environment = SERVICES["airflow-scheduler"]["environment"]
    assert environment["TIDEMARK_MONGO_HOSTS"] == "mongo:27017"
    host, port = environment["TIDEMARK_KAFKA_BOOTSTRAP"].split(":")
    assert SERVICES[host]["environment"]["KAFKA_LISTENERS"].startswith(f"CLIENT://:{port},")
    master = environment["TIDEMARK_SPARK_MASTER"]
    assert master == SERVICES["spark-worker"]["command"][-1]
    flags = SERVICES["spark-master"]["command"][2:]
    listens = dict(zip(flags[::2], flags[1::2], strict=True))
    assert master == f"spark://{listens['--host']}:{listens['--port']}"
    connection = yaml.safe_load(environment["AIRFLOW_CONN_SPARK_DEFAULT"])
    assert f"{connection['host']}:{connection['port']}" == master
    api = environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"]
    assert api == "http://airflow-api-server:8080/execution/"
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= set(SERVICES)


def test_only_the_proxy_is_published_and_on_the_loopback():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    default = {name: Settings.model_fields[name].default for name in ("airflow_port", "shop_port")}
    assert published == {
        "proxy": [
            f"127.0.0.1:${{TIDEMARK_AIRFLOW_PORT:-{default['airflow_port']}}}:8080",
            f"127.0.0.1:${{TIDEMARK_SHOP_PORT:-{default['shop_port']}}}:8090",
        ]
    }


def test_no_container_can_write_to_its_image_or_become_more_than_it_is():
    for name, service in SERVICES.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else []), name
        assert "privileged" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        own = service["image"].startswith(("tidemark:", "apache/kafka:"))  # these images name a user themselves
        assert own or int(service["user"].split(":")[0]) > 0, name


def test_a_service_that_hangs_is_called_unhealthy_within_a_minute():
    """What is asked for a sign of life may be silent for 35 seconds before it is called so."""
    for name, service in SERVICES.items():
        if name in ONE_SHOT:
            continue
        check = service["healthcheck"]
        interval, timeout = (int(check[key].removesuffix("s")) for key in ("interval", "timeout"))
        signs = {
            "ingest",
            "engagement",
            "spark-worker",
            "airflow-scheduler",
            "airflow-dag-processor",
            "airflow-triggerer",
        }
        hangs = (
            health.SILENT + check["retries"] * interval if name in signs else check["retries"] * (interval + timeout)
        )
        assert hangs <= 55, name


def test_the_storefront_is_started_as_on_one_machine():
    inside = Settings(_env_file=None, shop_host="0.0.0.0")  # noqa: S104 - the address inside the network
    for name in SHOP:
        plain = [re.sub(r"\$\{\w+:-(\w+)\}", r"\1", word) for word in SERVICES[name]["command"]]
        assert plain == ["python", "-m", *shop_services.arguments(inside, name)], name
    assert set(health.CHECKS) >= {SERVICES[name]["healthcheck"]["test"][-1] for name in SHOP}
    environment = SERVICES["storefront"]["environment"]
    assert environment["TIDEMARK_SHOP_HOST"] == inside.shop_host
    fresh = [mount.split(":")[0] for mount in SERVICES["storefront"]["tmpfs"]]
    assert environment["PROMETHEUS_MULTIPROC_DIR"] in fresh, "figures of dead workers stay"


def test_the_storefront_knows_no_secret_of_airflow_or_spark():
    for name in SHOP:
        assert set(SERVICES[name]["secrets"]) == {
            "tidemark_mongo_password",
            "tidemark_kafka_password",
            "tidemark_cluster_ca",
            "tidemark_shop_secret",
        }
        assert not [v for v in SERVICES[name]["environment"] if v.startswith("AIRFLOW")]
    others = {name for name, service in SERVICES.items() if "tidemark_shop_secret" in service.get("secrets", [])}
    jobs = {name for name in SERVICES if name == "ingest" or name.startswith("airflow")}
    assert others == {*SHOP, *jobs}, "jobs know by it who was erased"


def test_the_storefront_reads_artifacts_and_keeps_its_packs():
    for name in SHOP:
        assert SERVICES[name]["volumes"] == [
            "artifacts:/opt/tidemark/state/artifacts:ro",
            "packs:/opt/tidemark/state/packs",
        ]
    # A named volume takes its owner from the image's folder.
    dockerfile = (ROOT / "deploy" / "docker" / "Dockerfile").read_text(encoding="utf-8")
    for name in ("artifacts", "landing", "packs", "checkpoints"):
        assert f"/opt/tidemark/state/{name} " in dockerfile


def test_the_proxy_sends_each_path_to_a_service_that_listens_there():
    caddy = (ROOT / "deploy" / "docker" / "caddy" / "Caddyfile").read_text(encoding="utf-8")
    rules = [line.strip() for line in caddy.splitlines() if not line.startswith("#")]
    upstreams = re.findall(r"import one_of (\S+) (\d+)", "\n".join(rules))
    assert upstreams == [("airflow-api-server", "8080"), ("live", "8091"), ("storefront", "8090")]
    for name, port in upstreams:
        assert port in SERVICES[name]["command"]
    assert "@live path /live/events /live/me" in rules
    assert SERVICES["storefront"]["environment"]["TIDEMARK_SHOP_TLS"] == "True"
    assert SERVICES["live"]["environment"]["TIDEMARK_SHOP_LIVE_URL"] == "/", "browsers meet one origin"


def test_what_runs_long_has_a_health_check_a_restart_and_bounded_logs():
    for name in SERVICES.keys() - ONE_SHOT:
        assert "healthcheck" in SERVICES[name], name
        assert SERVICES[name]["restart"] == "unless-stopped", name
    for name in ONE_SHOT:
        assert SERVICES[name]["restart"] == "no", name
    for name, service in SERVICES.items():
        assert service["logging"]["options"]["max-size"], name


def test_data_is_on_named_volumes():
    for name in ("postgres", "mongo", "kafka"):
        volume = SERVICES[name]["volumes"][0].split(":")[0]
        assert volume in COMPOSE["volumes"]
    named = {v.split(":")[0] for service in SERVICES.values() for v in service.get("volumes", []) if v[0] not in "./"}
    assert named == set(COMPOSE["volumes"])


def test_every_folder_that_the_image_copies_is_there():
    for source in re.findall(
        r"^COPY (.+)$", (ROOT / "deploy" / "docker" / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE
    ):
        for path in source.split()[:-1]:
            assert (ROOT / path).exists(), path
