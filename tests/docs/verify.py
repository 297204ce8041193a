"""Shows real callbacks to each language's verifier: genuine ones pass, changed ones fail.

    python3 verify.py COURANT FOLDER

FOLDER is for what compilers make. A language that is missing is an error.
"""

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples/verify"
PATIENCE = 60
TELESIGN = "12345678-9ABC-DEF0-1234-56789ABCDEF0", "vjE/ZDfPvDkuGNsuqCFFO4neYIs="
WEBEX = "a secret for Webex Connect's callbacks"
MESSANGI = "a secret for Messangi's callbacks"
KALEYRA = "courant", "a password: for Kaleyra's callbacks"
SETTINGS = [
    f'account[sandbox].dialects.webex_connect.signature_secret="{WEBEX}"',
    f'account[sandbox].dialects.messangi.callback_headers={{ x-secret = "{MESSANGI}" }}',
    'account[sandbox].dialects.kaleyra.default_profile="mine"',
    'account[sandbox].dialects.kaleyra.callback_profiles={ mine = { url = "URL/sandbox/bin/kaleyra", '
    f'user = "{KALEYRA[0]}", password = "{KALEYRA[1]}" }} }}',
]
MEDIA = "URL/sandbox/media/sample"
# Bin, path, header with the credentials, body.
SENT = [
    ("telesign", "/v1/omnichannel",
     ("Authorization", "Basic " + base64.b64encode(":".join(TELESIGN).encode()).decode()),
     {"channels": [{"channel": "whatsapp"}], "phone_number": "15550100004", "message_type": "ARN",
      "message": {"whatsapp": {"template": "text", "parameters": {"text": "Zoë’s order"}}},
      "external_id": "order-7", "callback_url": "URL/sandbox/bin/telesign"}),
    ("webex", "/resources/v1/messaging", ("key", "5c0f1e2a-3b4d-11ee-be56-0242ac120002"),
     {"deliverychannel": "whatsapp", "appid": "a_163939937300040800",
      "destination": [{"waid": ["15550100004"]}], "notifyurl": "URL/sandbox/bin/webex",
      "channels": {"OTT-Messaging": {"wa": {"type": "image", "image": {"url": f"{MEDIA}.jpg", "mimeType": "image/jpeg"}}}}}),
    ("messangi", "/notification", ("Authorization", "Bearer sandbox"),
     {"channel": "WHATSAPP", "callbacks": "URL/sandbox/bin/messangi", "request":
      {"from": "1000000001", "to": "15550100004", "type": "image", "message": f"{MEDIA}.png"}}),
    ("kaleyra", "/v2/HXAP16XXXXXX97IN/whatsapp/91XXXXXXXXXX/messages",
     ("api-key", "A0123456789abcdef0123456789abcdef"),
     {"messaging_object": {"messaging_product": "whatsapp", "recipient_type": "individual",
      "to": "15550100004", "type": "document", "document": {"link": f"{MEDIA}.pdf"}}, "extra_info": {}}),
]


def fetch(url, body=None, header=None):
    headers = {"Content-Type": "application/json"} | dict([header] if header else [])
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=PATIENCE) as answer:
        return json.load(answer)


def caught(url, name):
    """The first callback in a bin: its body, and its headers."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        requests = fetch(f"{url}/sandbox/bin/{name}")["requests"]
        if requests:
            return requests[0]["body"].encode(), requests[0]["headers"]
        time.sleep(0.05)
    sys.exit(f"no callback of {name} came")


def callbacks(program):
    """Scheme, secret, header and body of a real callback by each API, from a sandbox of its own."""
    listen = f"127.0.0.1:{free_port()}"
    url = f"http://{listen}"
    settings = [part for one in SETTINGS for part in ("--set", one.replace("URL", url))]
    sandbox = subprocess.Popen(
        [program, "sandbox", "--listen", listen, *settings], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        if not sandbox.stdout.readline().startswith("ready "):
            sys.exit("the sandbox did not start")
        for name, path, header, body in SENT:
            fetch(url + path, json.loads(json.dumps(body).replace("URL", url)), header)
        got = {name: caught(url, name) for name, *_ in SENT}
    finally:
        sandbox.terminate()
        sandbox.wait(PATIENCE)
    basic = "Basic " + base64.b64encode(":".join(KALEYRA).encode()).decode()
    return [
        (scheme, secret, got[name][1][header], got[name][0])
        for name, scheme, secret, header in [
            ("telesign", "telesign", TELESIGN[1], "authorization"),
            ("webex", "webex", WEBEX, "x-hub-signature"),
            ("messangi", "shared", MESSANGI, "x-secret"),
            ("kaleyra", "shared", basic, "authorization"),
        ]
    ]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def languages(folder):
    """The command of each language, compiled where need be."""
    for tool in ("python3", "node", "java", "javac", "go", "php"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is missing")
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["javac", "-Xlint:all", "-Werror", "-d", folder, EXAMPLES / "java/Verify.java"], check=True)
    go = os.environ | {"GOCACHE": str(folder / "cache"), "GOFLAGS": "-mod=mod", "GO111MODULE": "off",
                       "GOTOOLCHAIN": "local"}
    subprocess.run(["go", "vet", EXAMPLES / "go/verify.go"], check=True, env=go)
    subprocess.run(["go", "build", "-o", folder / "verify", EXAMPLES / "go/verify.go"], check=True, env=go)
    return {
        "Python": [sys.executable, EXAMPLES / "python/verify.py"],
        "Node": ["node", EXAMPLES / "node/verify.mjs"],
        "Java": ["java", "-XX:TieredStopAtLevel=1", "-cp", folder, "Verify"],
        "Go": [folder / "verify"],
        "PHP": ["php", EXAMPLES / "php/verify.php"],
    }


def says(command, scheme, secret, header, body):
    told = subprocess.run(
        [*command, scheme, secret, header], input=body, capture_output=True, timeout=PATIENCE, check=False)
    outcome = told.returncode, told.stdout.decode().strip()
    if outcome not in ((0, "genuine"), (1, "forged")):
        sys.exit(f"{command}: {scheme}: {outcome} {told.stderr.decode()}")
    return outcome[1]


def flipped(text):
    """The text with one character in its middle changed."""
    middle = len(text) // 2
    return text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1:]


def forgeries(scheme, secret, header, body):
    """The callback, changed in one way each."""
    yield "another header", scheme, secret, flipped(header), body
    yield "an empty header", scheme, secret, "", body
    yield "a header cut short", scheme, secret, header[:-1], body
    yield "a header with an ä", scheme, secret, header + "ä", body
    if scheme != "shared":
        middle = len(body) // 2
        changed = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1:]
        yield "a changed body", scheme, secret, header, changed
        yield "a longer body", scheme, secret, header, body + b" "
        yield "an empty body", scheme, secret, header, b""
        yield "another key", scheme, base64.b64encode(b"another key").decode(), header, body


def main():
    real = callbacks(Path(sys.argv[1]).resolve())
    for language, command in languages(Path(sys.argv[2]).resolve()).items():
        count = 0
        for callback in real:
            if says(command, *callback) != "genuine":
                sys.exit(f"{language}: a genuine callback is not believed: {callback}")
            for how, *forgery in forgeries(*callback):
                count += 1
                if says(command, *forgery) != "forged":
                    sys.exit(f"{language}: {callback[0]}: {how} is believed")
        print(f"{language}: {len(real)} genuine callbacks pass, {count} forgeries fail", flush=True)


main()
