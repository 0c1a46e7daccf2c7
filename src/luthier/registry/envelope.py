"""A signed statement in the form others can verify: an in-toto statement in a DSSE envelope, by an ed25519 key.

Sources: in-toto Attestation Framework, Statement v1; DSSE v1 (github.com/secure-systems-lab/dsse), protocol and
envelope; RFC 8032 for the signature.

The bytes of an envelope are canonical: every other spelling of the same content is refused, so that no byte of the
file can be changed unnoticed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from luthier.canonical import canonical_json
from luthier.errors import BadSignature, NoKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
ENVELOPE = "release.dsse.json"
"""Name of the signed file beside a released model."""

MAX_ENVELOPE_BYTES = 64 * 2**20


# --- keys -------------------------------------------------------------------------------------------------------------


def new_key() -> Ed25519PrivateKey:
    """Return a new private key, from the system's own randomness."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate()


def private_pem(key: Ed25519PrivateKey) -> bytes:
    """Return the private key as PKCS #8 in PEM, unencrypted: for a file that only its owner can read."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key: Ed25519PublicKey) -> bytes:
    """Return the public key as SubjectPublicKeyInfo in PEM: for everybody."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def read_private(pem: bytes) -> Ed25519PrivateKey:
    """Read what `private_pem` wrote.

    Raises
    ------
    NoKey
        These are not the bytes of an unencrypted ed25519 private key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _no_key("private") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key("private")
    return key


def read_public(pem: bytes) -> Ed25519PublicKey:
    """Read what `public_pem` wrote.

    Raises
    ------
    NoKey
        These are not the bytes of an ed25519 public key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_key("public") from error
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key("public")
    return key


def key_id(key: Ed25519PublicKey) -> str:
    """SHA-256 of the raw public key, by which a signature names its signer."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()


def _no_key(kind: str) -> NoKey:
    return NoKey(f"these bytes hold no ed25519 {kind} key in PEM form", fix="make a pair of keys with `luthier init`")


# --- statements -------------------------------------------------------------------------------------------------------


def statement(subjects: Mapping[str, str], predicate_type: str, predicate: Mapping[str, Any]) -> bytes:
    """Return an in-toto statement about files: their SHA-256 by name, and what is claimed of them."""
    return canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in sorted(subjects.items())],
            "predicateType": predicate_type,
            "predicate": predicate,
        }
    )


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed: DSSE's PAE, which leaves no doubt where the type ends.

    >>> pre_authentication("http://example.com/HelloWorld", b"hello world")
    b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the envelope of a statement, signed."""
    return _envelope(payload, key_id(key.public_key()), key.sign(pre_authentication(PAYLOAD_TYPE, payload)))


def open_envelope(data: bytes, trusted: Sequence[Ed25519PublicKey]) -> bytes:
    """Return the payload of an envelope that one of the trusted keys signed.

    Raises
    ------
    BadSignature
        It is no envelope of ours, a byte of it was changed, or no trusted key signed it.
    """
    from cryptography.exceptions import InvalidSignature

    payload, signer, signature = _read(data)
    by = {key_id(key): key for key in trusted}
    if signer not in by:
        raise BadSignature(
            f"the release is signed by the key {signer[:16]}, which is not trusted here",
            fix="if you know whose key it is, name its public half with --key, or in luthier.toml under [signing]",
        )
    try:
        by[signer].verify(signature, pre_authentication(PAYLOAD_TYPE, payload))
    except InvalidSignature as error:
        raise BadSignature(
            f"{ENVELOPE} is not what the key {signer[:16]} signed", fix="copy the release again, or release again"
        ) from error
    return payload


def peek(data: bytes) -> bytes:
    """Return the payload of an envelope without asking who signed it.

    Raises
    ------
    BadSignature
        It is no envelope of ours.
    """
    return _read(data)[0]


def _envelope(payload: bytes, signer: str, signature: bytes) -> bytes:
    return canonical_json(
        {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"keyid": signer, "sig": base64.b64encode(signature).decode()}],
        }
    )


def _read(data: bytes) -> tuple[bytes, str, bytes]:
    """Payload, id of the signer's key, signature."""
    try:
        document = json.loads(data[:MAX_ENVELOPE_BYTES])
        (seal,) = document["signatures"]
        signer, signature = str(seal["keyid"]), base64.b64decode(seal["sig"], validate=True)
        payload = base64.b64decode(document["payload"], validate=True)
        canonical = _envelope(payload, signer, signature) == data
    except (ValueError, LookupError, TypeError, RecursionError, binascii.Error) as error:
        raise BadSignature(
            f"{ENVELOPE} is no signed release: {error}", fix="copy the release again, or release again"
        ) from error
    if not canonical:
        raise BadSignature(
            f"{ENVELOPE} is not in the form in which it was written", fix="copy the release again, or release again"
        )
    return payload, signer, signature
