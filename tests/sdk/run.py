"""Runs every foreign client against Courant and its simulated networks.

    python run.py TARGET_FOLDER

TARGET_FOLDER holds the built `courant` and `examples/networks`. Starts and ends the servers
itself; exits with 0 if all clients are content.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


@contextlib.contextmanager
def server(*command):
    """A server that says one line when it is ready; gives the line."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


def client(script, *arguments):
    print(f"-- {script}", flush=True)
    subprocess.run([sys.executable, os.path.join(HERE, script), *arguments], check=True, timeout=120)


def main():
    target = sys.argv[1]
    with server(os.path.join(target, "courant"), "sandbox", "--listen", "127.0.0.1:0") as ready:
        client("telesign_sdk.py", ready.removeprefix("ready "))
    with server(os.path.join(target, "examples", "networks")) as ready:
        where = json.loads(ready)
        client("sandbox_smpplib.py", where["smpp"], where["system_id"], where["password"])
        names = ("graph_url", "token", "phone_number_id", "waba", "app_secret", "verify_token")
        client("sandbox_pywa.py", *(where[name] for name in names))
    print("all clients are content")


main()
