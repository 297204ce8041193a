"""Drives the gateway with Telesign's own Python SDKs.

    python telesign_sdk.py GATEWAY_URL

Sends with Basic and with the vendor's digest, reads the status, and checks a callback's signature
with the SDK's own helper. Exits with 0 if all of it works.
"""

import json
import sys
import time
import urllib.request

from telesign.rest import RestClient
from telesign.util import verify_telesign_callback_signature
from telesignenterprise.messaging import MessagingClient

CUSTOMER = "12345678-9ABC-DEF0-1234-56789ABCDEF0"
KEY = "vjE/ZDfPvDkuGNsuqCFFO4neYIs="


def message(gateway, number, bin_name):
    return {
        "channels": [{"channel": "whatsapp", "fallback_time": 600}, {"channel": "sms"}],
        "recipient": {"phone_number": number},
        "message": {
            "whatsapp": {"template": "image", "parameters": {"url": f"{gateway}/sandbox/media/sample.jpg"}},
            "sms": {"template": "text", "parameters": {"text": "Grüße"}},
        },
        "message_type": "ARN",
        "external_id": "sdk",
        "callback_url": f"{gateway}/sandbox/bin/{bin_name}",
    }


def wait_for(what, look):
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise SystemExit(f"waited in vain for {what}")


def delivered(client, reference):
    def look():
        response = client.get(f"/v1/omnichannel/{reference}")
        assert response.status_code == 200, response.body
        return response.json if response.json["status"]["code"] in (3000, 3005) else None

    return wait_for(f"delivery of {reference}", look)


def one_way(gateway, name, number, **options):
    client = MessagingClient(CUSTOMER, KEY, rest_endpoint=gateway, **options)
    answer = client.omniMessage(message(gateway, number, name))
    assert answer.status_code == 200, (answer.status_code, answer.body)
    assert answer.json["status"]["code"] == 3001, answer.body
    assert answer.json["external_id"] == "sdk", answer.body
    status = delivered(client, answer.json["reference_id"])
    assert status["status"]["last_channel"] == "sms", status
    print(f"{name}: {answer.json['reference_id']} -> {status['status']}")


def signed_callback(gateway, name):
    def look():
        with urllib.request.urlopen(f"{gateway}/sandbox/bin/{name}") as response:
            return json.load(response)["requests"]

    request = wait_for("a callback", look)[-1]
    signature = request["headers"]["x-ts-authorization"]
    assert verify_telesign_callback_signature(KEY, signature, request["body"]), request
    print(f"callback of {name}: signature holds")


def wrong_key(gateway):
    client = RestClient(CUSTOMER, "d3Jvbmc=", rest_endpoint=gateway)
    answer = client.get("/v1/omnichannel/35C8B5D509BC10689196FED2AD551B8A")
    assert answer.status_code == 401, answer.body
    print("a wrong key is refused")


def main():
    gateway = sys.argv[1]
    one_way(gateway, "digest", "15551230002")
    one_way(gateway, "basic", "15551240002", auth_method="Basic")
    signed_callback(gateway, "digest")
    wrong_key(gateway)


main()
