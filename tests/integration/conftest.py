"""A real S3 server on this machine."""

import os
from collections.abc import Iterator

import pytest

from contract.web import free_port
from loadtest.chaos import s3_server

BUCKET = s3_server.BUCKET


@pytest.fixture(scope="session")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the server's address; its bucket is there and its credentials are in the environment.

    Skips at home where the server cannot be fetched; in CI that is a failure.
    """
    try:
        program = s3_server.jar()
    except s3_server.StartFailedError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))
    port = free_port()
    process = s3_server.start(program, tmp_path_factory.mktemp("s3") / "server", port)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3_server.CREDENTIALS.items():
            patch.setenv(name, value)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)
