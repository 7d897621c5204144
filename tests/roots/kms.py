"""A root key under a key of AWS KMS, as moto plays it: the binary makes a store, opens it, moves to
another key and back to a file, and is refused where the key or the store is another."""

import json
import os
import pathlib
import subprocess
import tempfile

import boto3
from moto.server import ThreadedMotoServer

BINARY = os.environ["COFFER_BIN"]
REGION = "eu-west-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "hunter2hunter2"}


def coffer(home, *words, code=0, **settings):
    environment = {"XDG_CONFIG_HOME": str(home / "config"), "COFFER_DATA_DIR": str(home / "data")}
    environment |= CREDENTIALS | settings
    command = [BINARY, *words]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == code, (words, ended)
    assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def run(home, endpoint):
    kms = boto3.client(
        "kms",
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="hunter2hunter2",
    )
    first = kms.create_key()["KeyMetadata"]
    second = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/coffer", TargetKeyId=first["KeyId"])
    by_alias = f"aws-kms:alias/coffer?region={REGION}&endpoint={endpoint}"
    by_arn = f"aws-kms:{second['Arn']}?endpoint={endpoint}"

    made = json.loads(coffer(home, "init", "--format", "json", COFFER_ROOT=by_alias))
    assert "alias/coffer" in made["root_key"], made
    assert "opens the store" in coffer(home, "doctor", COFFER_ROOT=by_alias)

    coffer(home, "keyring", "root", "migrate", "--to", by_arn, COFFER_ROOT=by_alias)
    coffer(home, "keyring", "root", "finish", COFFER_ROOT=by_arn)
    assert "opens the store" in coffer(home, "doctor", COFFER_ROOT=by_arn)

    unknown = f"aws-kms:alias/none?region={REGION}&endpoint={endpoint}"
    said = coffer(home, "keyring", "root", "finish", code=6, COFFER_ROOT=unknown)
    assert "NotFoundException" in said, said
    kms.schedule_key_deletion(KeyId=first["KeyId"], PendingWindowInDays=7)

    file = str(home / "root.key")
    coffer(home, "keyring", "root", "migrate", "--to", "key", "--to-key", file, COFFER_ROOT=by_arn)
    coffer(home, "keyring", "root", "finish", "--root-key", file)
    assert "opens the store" in coffer(home, "doctor", "--root-key", file)
    print("a store was made, moved and opened under keys of moto's KMS")


server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
server.start()
try:
    host, port = server.get_host_and_port()
    with tempfile.TemporaryDirectory() as directory:
        run(pathlib.Path(directory), f"http://{host}:{port}")
finally:
    server.stop()
