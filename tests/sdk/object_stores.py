"""Keeps uploads in a server that speaks like Azure Blob Storage.

    python object_stores.py COURANT AZURITE

The two are programs. Starts and ends both; exits with 0 if a small and a large upload are kept in
the store, are answered from it, and are gone from it when removed.
"""

import base64
import contextlib
import email.utils
import hashlib
import hmac
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request

# Azurite: these two are in its documentation, and the same everywhere.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
TOKEN = "stores-0123456789abcdef0123456789abcdef"
CONTAINER = "uploads"
START_SECONDS = 60

CONFIG = """
[server]
listen = "127.0.0.1:0"
public_url = "https://courant.example"
[store]
path = {data}
[admin]
tokens = [{{ name = "test", scopes = ["administer", "numbers"], token = "{token}" }}]
[media.store]
url = "az://{container}/media"
[media.store.options]
account_name = "{account}"
access_key = "{key}"
endpoint = "{endpoint}"
[[account]]
name = "shop"
routes = {{}}
"""


@contextlib.contextmanager
def server(marker, *command):
    """A program; gives what it prints after `marker`, and ends it."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    late = threading.Timer(START_SECONDS, process.kill)
    late.start()
    try:
        lines = (line.partition(marker) for line in process.stdout)
        found = next((after.strip() for _, hit, after in lines if hit), None)
        late.cancel()
        assert found, f"{command[0]} does not start"
        # Nobody reads the rest, but a full or closed pipe would stop it.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield found
    finally:
        late.cancel()
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


def ask(method, url, body=None, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data=body, method=method, headers=names)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


def azure(method, endpoint, query):
    """A request signed with the key, as Azure's page on "Shared Key" describes it."""
    date = email.utils.formatdate(usegmt=True)
    named = "\n".join(f"{name}:{value}" for name, value in sorted(query.items()))
    path = f"/{ACCOUNT}/{CONTAINER}"
    signed = f"{method}{chr(10) * 12}x-ms-date:{date}\nx-ms-version:2021-08-06\n/{ACCOUNT}{path}\n{named}"
    mac = hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()
    authorization = f"SharedKey {ACCOUNT}:{base64.b64encode(mac).decode()}"
    terms = "&".join(f"{name}={value}" for name, value in query.items())
    url = f"{endpoint}/{CONTAINER}?{terms}"
    return ask(method, url, x_ms_date=date, x_ms_version="2021-08-06", Authorization=authorization)


def blobs(endpoint):
    return azure("GET", endpoint, {"comp": "list", "restype": "container"}).count(b"<Blob>")


def round_trip(gateway, endpoint, size):
    content = random.Random(size).randbytes(size)
    api = f"{gateway}/api/v1/media"
    bearer = f"Bearer {TOKEN}"
    url = f"{api}?account=shop&filename=data.bin"
    octets = "application/octet-stream"
    kept = json.loads(ask("POST", url, content, Authorization=bearer, Content_Type=octets))
    assert blobs(endpoint) == 1, "the upload is not in the store"
    public = kept["url"].replace("https://courant.example", gateway)
    assert ask("GET", public) == content, "the upload comes back changed"
    assert ask("GET", public, Range=f"bytes={size - 10}-{size - 1}") == content[-10:], "a range is wrong"
    ask("DELETE", f"{api}/{kept['id']}", Authorization=bearer)
    assert blobs(endpoint) == 0, "the upload stays in the store"
    print(f"{size} bytes were kept, read and removed", flush=True)


def main():
    courant, azurite = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        options = ("--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry")
        with server("successfully listens on ", azurite, *options) as said:
            endpoint = f"{said}/{ACCOUNT}"
            azure("PUT", endpoint, {"restype": "container"})
            config = os.path.join(folder, "courant.toml")
            data = json.dumps(os.path.join(folder, "data"))
            with open(config, "w") as file:
                file.write(CONFIG.format(
                    data=data, token=TOKEN, container=CONTAINER, account=ACCOUNT, key=KEY, endpoint=endpoint))
            with server("ready ", courant, "serve", "--config", config) as gateway:
                for size in (1000, 20 * 1024 * 1024):
                    round_trip(gateway, endpoint, size)


main()
