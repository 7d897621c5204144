"""Checks a Coffer audit log's proofs: audit_verify.py KEY PROOF [OLD]. docs/operations/audit.md."""
import base64, hashlib, json, sys
P, L, B64 = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493, base64.b64decode
D, ROOT = -121665 * pow(121666, -1, P) % P, pow(2, (P - 1) // 4, P)
COLUMNS = """format at server request actor_kind actor bound_user peer mode app account operation
    subject scope name_fingerprint name fingerprint outcome status reason amount detail""".split()
def sha(data): return hashlib.sha256(data).digest()
def check(holds, why): holds or sys.exit("FAIL: " + why)
def point(data):  # Ed25519, RFC 8032
    y, sign = int.from_bytes(data, "little") % 2**255, data[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P); x = x if x * x % P == square else x * ROOT % P
    check(y < P and x * x % P == square, "no point of the curve")
    return (x if x & 1 == sign else P - x, y)
def add(a, b):
    t, cross = D * a[0] * b[0] * a[1] * b[1] % P, a[0] * b[1] + b[0] * a[1]
    return cross * pow(1 + t, -1, P) % P, (a[1] * b[1] + a[0] * b[0]) * pow(1 - t, -1, P) % P
def mul(n, a): return add(mul(n - 1, a), a) if n & 1 else mul(n // 2, add(a, a)) if n else (0, 1)
def opened(note, key):  # C2SP: signed-note, tlog-checkpoint
    (name, _, public), (text, signatures) = key.split("+", 2), note.split("\n\n", 1)
    lines = [line.split(" ") for line in signatures.splitlines()]
    own = [B64(line[2])[4:] for line in lines if line[:2] == ["\u2014", name]]
    (origin, size, root), public = text.split("\n")[:3], B64(public)[1:]
    check(own and origin == name, "the checkpoint of another log")
    r, s, base = own[0][:32], int.from_bytes(own[0][32:], "little"), 4 * pow(5, -1, P) % P
    k = hashlib.sha512(r + public + text.encode() + b"\n").digest()
    right = add(point(r), mul(int.from_bytes(k, "little") % L, point(public)))
    check(s < L and mul(s, point(base.to_bytes(32, "little"))) == right, "a wrong signature")
    return int(size), B64(root)
def leaf(entry):  # the bytes of an entry: see the page
    def field(name, v):
        check(isinstance(v, int) == (name in ("at", "mode", "status", "amount")), name)
        v = v.to_bytes(8, "big", signed=True) if isinstance(v, int) else \
            bytes.fromhex(v) if name.endswith("fingerprint") else v.encode()
        return len(v).to_bytes(4, "big") + v
    parts = [field(c, entry[c]) if c in entry else b"\xff" * 4 for c in COLUMNS[1:]]
    return sha(bytes([0, entry["format"]]) + b"".join(parts))
def fold(path, at, last, old, new):  # RFC 9162, 2.1.3.2 and 2.1.4.2
    for other in path:
        check(last, "the proof is too long")
        if at & 1 or at == last:
            old, new = sha(b"\1" + other + old), sha(b"\1" + other + new)
            while not at & 1 and at: at, last = at >> 1, last >> 1
        else: new = sha(b"\1" + new + other)
        at, last = at >> 1, last >> 1
    return check(not last, "the proof is too short") or (old, new)
def main(key, proof, older=None):
    proof = json.load(open(proof, encoding="utf-8"))
    (size, root), path = opened(proof["checkpoint"], key), [B64(h) for h in proof["hashes"]]
    if proof["object"] == "audit_inclusion_proof":
        at, own = proof["entry"]["id"] - 1, leaf(proof["entry"])
        check(0 <= at < size and fold(path, at, size - 1, own, own)[1] == root, "not in the log")
        return print("ok: the entry %d is in the log of %d entries" % (at + 1, size))
    m, was = opened(open(older, encoding="utf-8").read(), key)
    shift, first = (m & -m).bit_length() - 1, was if m & m - 1 == 0 or m >= size else path.pop(0)
    now = (root, root) if m == 0 else (first, first) if m >= size else fold(
        path, m - 1 >> shift, size - 1 >> shift, first, first)
    check(m <= size and now[1] == root and (m == 0 or now[0] == was), "not the same log")
    print("ok: the log of %d entries continues that of %d" % (size, m))
if __name__ == "__main__": main(*sys.argv[1:])
