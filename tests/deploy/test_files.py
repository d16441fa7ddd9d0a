"""The files of deploy/ agree with each other, with the table and with the documentation; scripts/check lints them."""

import fnmatch
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from hapiish import table
from hapiish.cli import control
from tests.cluster import nginx

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
BASE = DEPLOY / "kubernetes" / "base"
DOCS = (ROOT / "docs" / "deploy.md").read_text()
TABLE = (ROOT / "routes.yaml").read_text()
SECRET = "a secret of the tests that is long enough"
CHECKED = table.load(ROOT / "routes.yaml", {"JWT_SECRET": SECRET})
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
PATHS = {route.path for route in CHECKED.routes}
VARIABLE = re.compile(r"\$\{([A-Z_]+)[:}]")


def seconds(text: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(s|m)", text).groups()  # type: ignore[union-attr]
    return int(number) * {"s": 1, "m": 60}[unit]


def built(overlay: str) -> list[dict[str, Any]]:
    """Returns the manifests that kustomize builds."""
    command = [
        "kubectl",
        "kustomize",
        "--load-restrictor",
        "LoadRestrictionsNone",
        str(DEPLOY / "kubernetes" / overlay),
    ]
    program = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
    assert program is not None
    answer = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=True)
    return list(yaml.safe_load_all(answer.stdout))


def manifest(kind: str, overlay: str = "base") -> dict[str, Any]:
    (found,) = [document for document in built(overlay) if document["kind"] == kind]
    return found


# The image


def test_the_image_copies_only_what_the_build_context_sends() -> None:
    sources = [
        word for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for word in line.split()[:-1]
    ]
    assert len(sources) >= 6
    sent = [line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")]
    assert sorted(sources) == sorted(sent)
    assert [source for source in sources if not (ROOT / source).exists()] == []


@pytest.mark.parametrize("name", [".env", "deploy/.env", ".hapiish/jwt-secret", ".git/config", "tests/conftest.py"])
def test_no_secret_and_no_test_is_sent_to_the_build(name: str) -> None:
    verdict = True
    for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!")
            if fnmatch.fnmatch(name, pattern) or name.startswith(f"{pattern}/"):
                verdict = line.startswith("!")
    assert not verdict


def test_the_image_runs_one_process_as_a_user_without_rights_and_receives_its_signals() -> None:
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", final, re.MULTILINE)
    assert re.search(r'^ENTRYPOINT \["hapiish", "run", "table/routes.yaml", ', final, re.MULTILINE)
    assert "--workers" not in final
    assert "/health/ready" in final
    assert "apt-get" not in DOCKERFILE
    assert re.search(r"^ARG PYTHON=\d+\.\d+\.\d+-slim", DOCKERFILE, re.MULTILINE)


def test_a_table_in_a_mounted_folder_finds_handlers_and_models(tmp_path: Path) -> None:
    app = tmp_path / "app"
    for folder in ("handlers", "models"):
        shutil.copytree(ROOT / folder, app / folder)
    mounted = app / "table" / "..2026_11_28"  # a ConfigMap is mounted as links into a folder that changes
    mounted.mkdir(parents=True)
    shutil.copy(ROOT / "routes.yaml", mounted)
    (app / "table" / "routes.yaml").symlink_to(mounted / "routes.yaml")
    assert re.search(r"PYTHONPATH=/app\b", DOCKERFILE)
    env = {"PYTHONPATH": str(app), "JWT_SECRET": SECRET, "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-P", "-m", "hapiish", "check", "--import", "table/routes.yaml"]
    answer = subprocess.run(command, cwd=app, env=env, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_a_server_is_found_for_a_reload_after_the_config_map_of_its_table_has_changed(tmp_path: Path) -> None:
    link = tmp_path / "..data"
    (tmp_path / "routes.yaml").symlink_to("..data/routes.yaml")
    for version in ("..2026_11_27", "..2026_11_28"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "routes.yaml").write_text("routes: []")
        link.unlink(missing_ok=True)
        link.symlink_to(version)
        assert control.folders(str(tmp_path / "routes.yaml"))[0] == tmp_path / ".hapiish"


# Compose


def test_three_workers_run_behind_the_balancer_with_redis_and_a_replica_set_of_three() -> None:
    assert SERVICES["chat"]["deploy"]["replicas"] == 3
    assert "ports" not in SERVICES["chat"]
    members = SERVICES["mongo-init"]["environment"]["MONGO_MEMBERS"].split(",")
    assert len(members) == 3
    assert all(member in SERVICES for member in members)
    assert ",".join(members) in SERVICES["chat"]["environment"]["MONGODB_URI"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_more_rights_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    if "build" not in service:
        assert re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+(-\w+)?", service["image"]), "an image without an exact version"


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"mongo-init", "indexes"}))
def test_a_service_that_runs_on_has_a_health_check(name: str) -> None:
    assert "healthcheck" in SERVICES[name] or name == "chat"  # the image's own
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_nothing_starts_before_what_it_needs() -> None:
    for service in SERVICES.values():
        for needed, how in service.get("depends_on", {}).items():
            once = SERVICES[needed]["restart"] == "no"
            assert how["condition"] == ("service_completed_successfully" if once else "service_healthy")


def test_the_worker_has_more_time_to_stop_than_the_table_gives_its_requests() -> None:
    assert seconds(SERVICES["chat"]["stop_grace_period"]) >= 2 * CHECKED.server.shutdown_timeout / 1000


def test_every_variable_of_the_workers_is_one_of_the_table() -> None:
    known = set(VARIABLE.findall(TABLE))
    assert set(SERVICES["chat"]["environment"]) <= known
    assert {"MONGODB_URI", "REDIS_URL", "JWT_SECRET", "TRUSTED_PROXY"} <= known


def test_the_example_of_the_secrets_has_every_variable_and_no_value() -> None:
    lines = [line for line in (DEPLOY / "example.env").read_text().splitlines() if line and line[0] != "#"]
    wanted = {name for name in VARIABLE.findall((DEPLOY / "compose.yaml").read_text()) if name != "HOME"}
    secrets = {secret["environment"] for secret in COMPOSE["secrets"].values()}
    assert {line.partition("=")[0] for line in lines} == wanted | secrets
    assert all(line.endswith("=") for line in lines)
    assert "deploy/.env" in (ROOT / ".gitignore").read_text().splitlines()


def test_only_the_balancer_is_reachable_and_only_it_is_trusted() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]
    assert COMPOSE["networks"]["data"]["internal"] is True
    address = SERVICES["nginx"]["networks"]["front"]["ipv4_address"]
    assert SERVICES["chat"]["environment"]["TRUSTED_PROXY"] == f"{address}/32"


# nginx


def accepts(values: dict[str, str], folder: Path) -> None:
    (folder / "nginx.conf").write_text(nginx.configuration(values))
    command = [nginx.find(), "-t", "-q", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


@pytest.fixture
def values(tmp_path: Path) -> dict[str, str]:
    """The values of compose.yaml, in a folder of this test's own."""
    given = {name: text for name, text in SERVICES["nginx"]["environment"].items() if name in nginx.variables()}
    assert given.keys() == nginx.variables()
    return {**given, "NGINX_RUN": str(tmp_path), "NGINX_LISTEN": "127.0.0.1:8080"}


def test_nginx_accepts_the_configuration_of_compose(values: dict[str, str], tmp_path: Path) -> None:
    accepts(values, tmp_path)


def test_nginx_accepts_the_configuration_with_tls_and_affinity(values: dict[str, str], tmp_path: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    now = datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "chat.test")])
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1)
    )
    pem = serialization.Encoding.PEM
    (tmp_path / "cert").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(pem))
    form = serialization.PrivateFormat.PKCS8
    (tmp_path / "key").write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
    tls = f"ssl_certificate {tmp_path}/cert; ssl_certificate_key {tmp_path}/key;"
    accepts({**values, "NGINX_LISTEN": "127.0.0.1:8443 ssl", "NGINX_TLS": tls, "NGINX_BALANCE": "ip_hash"}, tmp_path)


# Kubernetes


def pod(overlay: str = "base") -> dict[str, Any]:
    spec: dict[str, Any] = manifest("Deployment", overlay)["spec"]["template"]["spec"]
    return spec


def test_probes_ask_routes_of_the_table() -> None:
    (chat,) = pod()["containers"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert chat[probe]["httpGet"]["path"] in PATHS
    assert chat["livenessProbe"]["httpGet"]["path"] == "/health/live"
    assert chat["readinessProbe"]["httpGet"]["path"] == "/health/ready"


def test_a_pod_has_more_time_to_end_than_its_hook_and_its_requests_take() -> None:
    spec = pod()
    wait = int(spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert spec["terminationGracePeriodSeconds"] > wait + 5 + CHECKED.server.shutdown_timeout / 1000


def test_a_pod_is_not_root_and_can_write_to_nothing_but_its_volumes() -> None:
    spec = pod()
    assert spec["securityContext"]["runAsNonRoot"] is True
    user = int(re.search(r"^USER (\d+)", DOCKERFILE, re.MULTILINE)[1])  # type: ignore[index]
    assert spec["securityContext"]["runAsUser"] == user
    for container in (*spec["initContainers"], *spec["containers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_the_table_of_the_config_map_is_the_table_of_the_repository() -> None:
    config = manifest("ConfigMap")
    assert config["data"] == {"routes.yaml": TABLE}
    (volume,) = [volume for volume in pod()["volumes"] if volume["name"] == "table"]
    assert volume["configMap"]["name"] == config["metadata"]["name"]  # with the checksum: a new table is a rollout
    for container in (*pod()["initContainers"], *pod()["containers"]):
        assert {"name": "table", "mountPath": "/app/table", "readOnly": True} in container["volumeMounts"]


def test_selectors_find_the_pods() -> None:
    labels = manifest("Deployment")["spec"]["template"]["metadata"]["labels"]
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert manifest(kind)["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert manifest("Service")["spec"]["selector"].items() <= labels.items()
    assert manifest("Service")["spec"]["ports"][0]["targetPort"] == pod()["containers"][0]["ports"][0]["name"]


def test_only_the_variant_for_polling_binds_clients_to_pods() -> None:
    base, polling = built("base"), built("polling")
    assert "affinity" not in str(base)
    assert len(base) == len(polling)
    changed = [after["kind"] for before, after in zip(base, polling, strict=True) if before != after]
    assert changed == ["Ingress"]
    assert manifest("Ingress", "polling")["metadata"]["annotations"]["nginx.ingress.kubernetes.io/affinity"] == "cookie"


def test_the_example_secret_has_what_the_pods_read() -> None:
    example = yaml.safe_load((DEPLOY / "kubernetes" / "secret.example.yaml").read_text())
    assert example["metadata"]["name"] == pod()["containers"][0]["envFrom"][0]["secretRef"]["name"]
    assert set(example["stringData"]) <= set(VARIABLE.findall(TABLE))


# Documentation


def test_the_documentation_names_files_that_exist() -> None:
    names = set(re.findall(r"`((?:deploy|scripts|tests)/[\w./-]+)`", DOCS))
    assert len(names) > 6
    assert [name for name in sorted(names - {"deploy/.env"}) if not (ROOT / name).exists()] == []
