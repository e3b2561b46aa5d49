#!/usr/bin/env python3
"""Checks a bundle of "scrapelog audit bundle" with Python's standard library only.

    python3 check_bundle.py BUNDLE.zip KEY

KEY is the public key of the log, which you must know from elsewhere than the bundle. Exit
0: its events are those that were signed. 1: they are not. 2: this is no bundle, or no key.
"""
import base64, hashlib, json, struct, sys, zipfile

# Ed25519 (RFC 8032, 5.1.7) in affine coordinates; slow, and enough for one signature.
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)  # of -1


def x_of(y, odd):
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if y >= P or (x * x - square) % P or (x == 0 and odd):
        raise ValueError("not a point of the curve")
    return P - x if x & 1 != odd else x


def point(b):
    n = int.from_bytes(b, "little")
    return x_of(n % 2**255, n >> 255), n % 2**255


def add(a, b):
    t = D * a[0] * b[0] * a[1] * b[1] % P
    return ((a[0] * b[1] + b[0] * a[1]) * pow(1 + t, P - 2, P) % P,
            (a[1] * b[1] + a[0] * b[0]) * pow(1 - t, P - 2, P) % P)


def times(n, a):
    total = (0, 1)
    while n:
        total, a, n = add(total, a) if n & 1 else total, add(a, a), n >> 1
    return total


BASE = (x_of(4 * pow(5, P - 2, P) % P, 0), 4 * pow(5, P - 2, P) % P)


def signed(public, message, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(r + public + message).digest(), "little") % L
    return s < L and times(s, BASE) == add(point(r), times(k, point(public)))


def leaf(e):
    """The leaf hash of RFC 6962 over the canonical bytes of an event."""
    b = b"scrapelog.event.v1\n"
    for name in ("position", "stream", "version", "id", "type", "recorded_at", "metadata", "data"):
        part = struct.pack(">q", e[name]) if isinstance(e[name], int) else e[name].encode()
        b += struct.pack(">I", len(part)) + part
    return hashlib.sha256(b"\0" + b).digest()


def check(bundle, key):
    name, key_hash, encoded = key.strip().split("+", 2)
    public = base64.b64decode(encoded)
    assert public[0] == 1 and len(public) == 33, "the key is not an Ed25519 key"
    with zipfile.ZipFile(bundle) as z:
        proof = json.loads(z.read("proof.json"))
        text, signatures = z.read("checkpoint").decode().split("\n\n", 1)
        events = [json.loads(line) for line in z.read("events.ndjson").decode().split("\n") if line]
    lines = [s.split(" ")[2] for s in signatures.split("\n") if s.startswith("\u2014 %s " % name)]
    raw = [r for r in map(base64.b64decode, lines) if r[:4].hex() == key_hash]
    assert any(signed(public[1:], (text + "\n").encode(), r[4:]) for r in raw), "the checkpoint was not signed with that key"
    size, want = int(text.split("\n")[1]), base64.b64decode(text.split("\n")[2])
    after, until = proof["after"], proof["until"]
    assert proof["format"] == "scrapelog.bundle.v1" and 0 <= after < until <= size == proof["size"], "the checkpoint does not cover the events"
    assert [e["position"] for e in events] == list(range(after + 1, until + 1)), "positions are missing"
    leaves, hashes = [leaf(e) for e in events], iter([base64.b64decode(h) for h in proof["hashes"]])

    def root(lo, hi):
        if hi <= after or lo >= until:
            return next(hashes)
        if hi - lo == 1:
            return leaves[lo - after]
        middle = lo + (1 << (hi - lo - 1).bit_length() - 1)
        return hashlib.sha256(b"\1" + root(lo, middle) + root(middle, hi)).digest()

    assert root(0, size) == want and next(hashes, None) is None, "the events are not those that were signed"
    return "ok: events %d to %d are in the log %s of %d events that was signed" % (after + 1, until, text.split("\n")[0], size)


if __name__ == "__main__":
    try:
        _, bundle, key = sys.argv
        print(check(bundle, key))
    except (AssertionError, StopIteration) as e:
        sys.exit("false: %s" % (e or "hashes are missing"))
    except Exception as e:
        print(__doc__ if len(sys.argv) != 3 or sys.argv[2].count("+") < 2 else "not a bundle: %s" % e, file=sys.stderr)
        sys.exit(2)
