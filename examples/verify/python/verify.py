"""Did a callback come from Courant, and is its body untouched?"""

import base64
import hashlib
import hmac
import sys


def telesign(body: bytes, authorization: str, api_key: str) -> bool:
    """`authorization` is the header of that name: `TSA customer:signature`."""
    digest = hmac.new(base64.b64decode(api_key), body, hashlib.sha256).digest()
    given = authorization.rpartition(":")[2]
    return hmac.compare_digest(base64.b64encode(digest), given.encode())


def webex(body: bytes, signature: str, secret: str) -> bool:
    """`signature` is the header `x-hub-signature`: hex, without a prefix."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(digest.encode(), signature.encode())


def shared(expected: str, given: str) -> bool:
    """For headers that are always the same: Messangi, Kaleyra."""
    return hmac.compare_digest(expected.encode(), given.encode())


def main(scheme: str, secret: str, header: str) -> bool:
    """`python3 verify.py SCHEME SECRET HEADER < BODY` looks at a callback by hand."""
    body = sys.stdin.buffer.read()
    match scheme:
        case "telesign":
            return telesign(body, header, secret)
        case "webex":
            return webex(body, header, secret)
        case "shared":
            return shared(secret, header)
    raise SystemExit(f"unknown scheme {scheme}")


if __name__ == "__main__":
    genuine = main(*sys.argv[1:])
    print("genuine" if genuine else "forged")
    sys.exit(0 if genuine else 1)
