"""Raw SM2 values: signatures and ciphertexts, against three independent implementations."""

from interop_cells import Cell, Refused, Run, Town
from interop_peers import DISTID, BouncyCastle

from signing import sm2
from signing.keystore import encode_key, parse_key, protect, unprotect
from signing.schemes import encode_spki
from signing.sm2_encoding import Sm2Cipher

MESSAGE = "投标报价：壹仟万元整".encode()
SECRET = bytes(range(32))
SIGNATURE, CIPHER, KEY = "SM2 原始签名（DER）", "SM2 密文（SM2Cipher）", "加密的私钥文件（PKCS#8）"


def ours_to_openssl(town: Town) -> None:
    key = sm2.generate()
    with town.openssl() as run:
        run.put("m", MESSAGE)
        run.put("s", sm2.sign(key, MESSAGE))
        run.put("p.pem", encode_spki(key.public), "PUBLIC KEY")
        run(f"dgst -sm3 -verify p.pem -sigopt {DISTID} -signature s m")


def openssl_to_ours(town: Town) -> None:
    with town.openssl() as run:
        run.put("m", MESSAGE)
        run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:SM2 -out k")
        run(f"dgst -sm3 -sign k -sigopt {DISTID} -out s m")
        sm2.verify(parse_key(run.pem("k")).public, MESSAGE, run.get("s"))


def ours_to_java(town: Town) -> None:
    key = sm2.generate()
    town.java("verify", encode_spki(key.public), MESSAGE, sm2.sign(key, MESSAGE))


def java_key(java: BouncyCastle) -> tuple[bytes, sm2.PublicKey]:
    pkcs8, spki = java("keypair", "sm2")
    return pkcs8, sm2.PublicKey(spki[-65:])


def java_to_ours(town: Town) -> None:
    pkcs8, public = java_key(town.java)
    (signature,) = town.java("sign", pkcs8, MESSAGE)
    sm2.verify(public, MESSAGE, signature)


def ours_to_node(town: Town) -> None:
    key = sm2.generate()
    town.node("verify", key.public.point, MESSAGE, sm2.sign(key, MESSAGE))


def node_to_ours(town: Town) -> None:
    private, point = town.node("keypair")
    (signature,) = town.node("sign", private, MESSAGE)
    sm2.verify(sm2.PublicKey(point), MESSAGE, signature)


def secret_to_openssl(town: Town) -> None:
    key = sm2.generate()
    with town.openssl() as run:
        run.put("k", encode_key(key))
        run.put("c", sm2.encrypt(key.public, SECRET))
        run("pkeyutl -decrypt -in c -inkey k -keyform DER -out m")
        require(run.get("m") == SECRET)


def secret_from_openssl(town: Town) -> None:
    key = sm2.generate()
    with town.openssl() as run:
        run.put("m", SECRET)
        run.put("p.pem", encode_spki(key.public), "PUBLIC KEY")
        run("pkeyutl -encrypt -in m -inkey p.pem -pubin -out c")
        require(sm2.decrypt(key, run.get("c")) == SECRET)


def secret_to_java(town: Town) -> None:
    key = sm2.generate()
    require(town.java("decrypt", encode_key(key), sm2.encrypt(key.public, SECRET)) == [SECRET])


def secret_from_java(town: Town) -> None:
    key = sm2.generate()
    (cipher,) = town.java("encrypt", encode_spki(key.public), SECRET)
    require(sm2.decrypt(key, cipher) == SECRET)


def secret_to_node(town: Town) -> None:
    key = sm2.generate()
    cipher = sm2.parse_ciphertext(sm2.encrypt(key.public, SECRET))
    require(town.node("decrypt", key.scalar(), cipher.c1[1:] + cipher.c3 + cipher.c2) == [SECRET])


def secret_from_node(town: Town) -> None:
    key = sm2.generate()
    (raw,) = town.node("encrypt", key.public.point, SECRET)
    require(sm2.decrypt(key, Sm2Cipher(b"\x04" + raw[:64], raw[64:96], raw[96:]).encode()) == SECRET)


def key_to_openssl(town: Town) -> None:
    with town.openssl() as run:
        run.put("k", protect(encode_key(sm2.generate()), "P@ssw0rd", lambda n: bytes(range(n))))
        run("pkcs8 -inform DER -in k -passin pass:P@ssw0rd -out plain")


def key_from_openssl(town: Town) -> None:
    with town.openssl() as run:
        run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:SM2 -out k")
        run("pkcs8 -topk8 -in k -v2 sm4-cbc -outform DER -out e -passout pass:P@ssw0rd")
        parse_key(unprotect(run.get("e"), "P@ssw0rd"))


def ours_to_ours(_: Town) -> None:
    key = sm2.generate()
    sm2.verify(key.public, MESSAGE, sm2.sign(key, MESSAGE))


def secret_to_ours(_: Town) -> None:
    key = sm2.generate()
    require(sm2.decrypt(key, sm2.encrypt(key.public, SECRET)) == SECRET)


def key_to_ours(_: Town) -> None:
    key = sm2.generate()
    require(parse_key(unprotect(protect(encode_key(key), "P", lambda n: bytes(range(n))), "P")) == key)


def require(good: bool) -> None:
    if not good:
        raise Refused


def _both(row: str, column: str, ours: Run, theirs: Run) -> tuple[Cell, Cell]:
    return Cell(row, column, "ours", ours), Cell(row, column, "theirs", theirs)


CELLS = (
    *_both(SIGNATURE, "OpenSSL", ours_to_openssl, openssl_to_ours),
    *_both(SIGNATURE, "BouncyCastle", ours_to_java, java_to_ours),
    *_both(SIGNATURE, "sm-crypto", ours_to_node, node_to_ours),
    Cell(SIGNATURE, "Yizhao", "ours", ours_to_ours),
    *_both(CIPHER, "OpenSSL", secret_to_openssl, secret_from_openssl),
    *_both(CIPHER, "BouncyCastle", secret_to_java, secret_from_java),
    *_both(CIPHER, "sm-crypto", secret_to_node, secret_from_node),
    Cell(CIPHER, "Yizhao", "ours", secret_to_ours),
    Cell(
        KEY,
        "OpenSSL",
        "ours",
        key_to_openssl,
        "OpenSSL 3.0 不认识 PBKDF2 的 HMAC-SM3（报 unsupported prf）；我们按国密写，读时两种都认",
    ),
    Cell(KEY, "OpenSSL", "theirs", key_from_openssl),
    Cell(KEY, "Yizhao", "ours", key_to_ours),
)
