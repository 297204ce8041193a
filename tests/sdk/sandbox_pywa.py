"""Drives the simulated Graph API with pywa.

    python sandbox_pywa.py GRAPH_URL TOKEN PHONE_NUMBER_ID WABA APP_SECRET VERIFY_TOKEN

or the same in GRAPH_URL, WA_TOKEN, WA_PHONE_NUMBER_ID, WA_WABA, WA_APP_SECRET and
WA_VERIFY_TOKEN. Registers a webhook of its own, so use it with networks that have none. Exits
with 0 if messages are accepted, and their signed statuses arrive and pass pywa's own checks.
"""

import http.server
import os
import queue
import sys
import threading
import urllib.parse

import httpx
from pywa import WhatsApp, errors, types

NAMES = ("GRAPH_URL", "WA_TOKEN", "WA_PHONE_NUMBER_ID", "WA_WABA", "WA_APP_SECRET", "WA_VERIFY_TOKEN")
DEFAULTS = (None, "sandbox", "100000000000001", "200000000000001", "sandbox-app-secret", "sandbox-verify-token")
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


def settings():
    given = sys.argv[1:]
    return [
        given[i] if i < len(given) else os.environ.get(name, default)
        for i, (name, default) in enumerate(zip(NAMES, DEFAULTS))
    ]


def webhook(wa, verify_token):
    """Serves pywa's handlers; gives the address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self, body, status):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def do_GET(self):
            query = dict(urllib.parse.parse_qsl(urllib.parse.urlparse(self.path).query))
            if query.get("hub.verify_token") == verify_token:
                self.answer(query["hub.challenge"], 200)
            else:
                self.answer("wrong token", 403)

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            refused = wa.webhook_update_validator(body, self.headers.get("X-Hub-Signature-256"))
            self.answer(*(refused or wa.webhook_update_handler(body)))

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/webhook"


def main():
    graph_url, token, phone_id, waba, secret, verify_token = settings()
    wa = WhatsApp(
        phone_id=phone_id,
        token=token,
        app_secret=secret,
        verify_token=verify_token,
        waba_id=waba,
        session=httpx.Client(),
        server=None,
    )
    wa.api._session.base_url = f"{graph_url}/v23.0"

    statuses = queue.Queue()

    @wa.on_message_status
    def on_status(_, status):
        statuses.put(status)

    address = webhook(wa, verify_token)
    wa.api.set_waba_alternate_callback_url(waba_id=waba, override_callback_uri=address, verify_token=verify_token)

    def wait_for(message_id, wanted):
        seen = []
        while wanted not in [s.status for s in seen if s.id == message_id]:
            seen.append(statuses.get(timeout=10))
        return next(s for s in seen if s.id == message_id and s.status == wanted)

    sent = wa.send_message(to="+1 555 123 4567", text="Grüße / hello", tracker="a-reference")
    status = wait_for(sent.id, types.MessageStatusType.READ)
    assert status.tracker == "a-reference", status

    uploaded = wa.upload_media(media=PNG, mime_type="image/png", filename="odd.jpg")
    sent = wa.send_image(to="15551234567", image=uploaded.id, caption="one pixel")
    wait_for(sent.id, types.MessageStatusType.DELIVERED)
    assert wa.get_media_bytes(url=wa.get_media_url(uploaded.id).url) == PNG

    failed = wa.send_message(to="15551230001", text="nobody there")
    status = wait_for(failed.id, types.MessageStatusType.FAILED)
    assert isinstance(status.error, errors.MessageUndeliverable), status.error

    try:
        wa.send_message(to="15551230013", text="first fails")
    except errors.WhatsAppError as error:
        assert error.code == 131000, error
    else:
        raise AssertionError("the first send must fail")
    print("ok: texts, an upload and a failure, all with signed statuses")


if __name__ == "__main__":
    main()
