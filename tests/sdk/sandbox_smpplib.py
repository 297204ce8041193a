"""Drives the simulated SMSC with smpplib.

    python sandbox_smpplib.py HOST:PORT SYSTEM_ID PASSWORD

or the same in SMPP_ADDR, SMPP_SYSTEM_ID and SMPP_PASSWORD. Exits with 0 if a short and a long
message are accepted and both get their receipts.
"""

import os
import sys

import smpplib.client
import smpplib.consts
import smpplib.gsm


def settings():
    names = ("SMPP_ADDR", "SMPP_SYSTEM_ID", "SMPP_PASSWORD")
    given = sys.argv[1:4]
    defaults = (None, "sandbox", "sandbox")
    return [
        given[i] if i < len(given) else os.environ.get(name, default)
        for i, (name, default) in enumerate(zip(names, defaults))
    ]


def main():
    address, system_id, password = settings()
    host, port = address.rsplit(":", 1)
    client = smpplib.client.Client(host, int(port), timeout=10, allow_unknown_opt_params=True)
    accepted, receipts = set(), {}

    def on_sent(pdu):
        accepted.add(pdu.message_id.decode())

    def on_received(pdu):
        if pdu.receipted_message_id:
            receipts[pdu.receipted_message_id.decode().rstrip("\0")] = pdu

    client.set_message_sent_handler(on_sent)
    client.set_message_received_handler(on_received)
    client.connect()
    client.bind_transceiver(system_id=system_id, password=password)

    expected = 0
    for text in ("Hello from smpplib, 5 €", "A long one with ümlauts. " * 10):
        parts, encoding, esm_class = smpplib.gsm.make_parts(text)
        for part in parts:
            client.send_message(
                source_addr_ton=smpplib.consts.SMPP_TON_ALNUM,
                source_addr="Courant",
                dest_addr_ton=smpplib.consts.SMPP_TON_INTL,
                dest_addr_npi=smpplib.consts.SMPP_NPI_ISDN,
                destination_addr="15551234567",
                short_message=part,
                data_coding=encoding,
                esm_class=esm_class,
                registered_delivery=True,
            )
            expected += 1

    # Receipts of an earlier run may have been held for this bind.
    while len(accepted) < expected or not accepted <= set(receipts):
        client.read_once()
    for receipt in (receipts[message_id] for message_id in accepted):
        assert b"stat:DELIVRD" in receipt.short_message, receipt.short_message
        assert receipt.message_state == 2, receipt.message_state
    client.unbind()
    client.disconnect()
    print(f"ok: {expected} parts accepted and delivered")


if __name__ == "__main__":
    main()
