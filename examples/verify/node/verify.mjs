// Did a callback come from Courant, and is its body untouched?
// `body` is a Buffer with the bytes as they came: verify first, parse afterwards.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

/** `authorization` is the header of that name: `TSA customer:signature`. */
export function telesign(body, authorization, apiKey) {
  const key = Buffer.from(apiKey, "base64");
  const expected = createHmac("sha256", key).update(body).digest("base64");
  return equal(expected, authorization.slice(authorization.lastIndexOf(":") + 1));
}

/** `signature` is the header `x-hub-signature`: hex, without a prefix. */
export function webex(body, signature, secret) {
  return equal(createHmac("sha256", secret).update(body).digest("hex"), signature);
}

/** For headers that are always the same: Messangi, Kaleyra. */
export function shared(expected, given) {
  return equal(expected, given);
}

// timingSafeEqual wants equal lengths; digests have them.
function equal(one, other) {
  const digest = (text) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

// `node verify.mjs SCHEME SECRET HEADER < BODY` looks at a callback by hand.
if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [scheme, secret, header] = process.argv.slice(2);
  const body = readFileSync(0);
  const schemes = {
    telesign: () => telesign(body, header, secret),
    webex: () => webex(body, header, secret),
    shared: () => shared(secret, header),
  };
  const genuine = schemes[scheme]();
  console.log(genuine ? "genuine" : "forged");
  process.exitCode = genuine ? 0 : 1;
}
