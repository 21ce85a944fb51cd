"""The backends of `examples/`, as their READMEs start them."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "examples"
PAGE = "http://page.example"
# By name: the command, where `{port}` is the port.
EXAMPLES = {
    "flask": [sys.executable, "-m", "flask", "--app", str(FOLDER / "flask/app.py"), "run", "--port", "{port}"],
    "node": ["node", str(FOLDER / "node/server.js")],
    "rust": [os.environ.get("PRESIGNED_EXAMPLE_RUST", str(FOLDER.parent / "target/debug/example-backend"))],
}


@contextlib.contextmanager
def running(command, store, secret, **more):
    """Starts a backend on a free port, for as long as it is used; where it is."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    settings = {
        "PORT": port,
        "SECRET_KEY": secret,
        "S3_BUCKET": "presigned",
        "PAGE_ORIGIN": PAGE,
        "AWS_ENDPOINT_URL_S3": store.rstrip("/"),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "presigned",
        "AWS_SECRET_ACCESS_KEY": "presigned-secret",
        # Whatever the machine's own user has set must not count.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **more,
    }
    command = [word.replace("{port}", port) for word in command]
    with subprocess.Popen(command, env={**os.environ, **settings}, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for(process, int(port))
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def wait_for(process, port):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args} is not there: exit code {process.poll()}")
