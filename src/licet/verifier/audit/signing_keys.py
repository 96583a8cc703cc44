"""The keys that sign and verify checkpoints: Ed25519, in PEM files.

The private key signs, on the machine that makes checkpoints; verifying needs the public one.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )


class CheckpointError(Exception):
    """Checkpoints or keys that cannot be used. The text is for the operator."""


def generate_key(path: Path) -> str:
    """Make a key pair: `path` (0600) to sign with, `path`.pub to verify with; its id.

    Raises CheckpointError, also where one of the files exists: a key is never overwritten.
    """
    _need_cryptography()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    secret = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    shared = path.with_name(path.name + ".pub")
    if shared.exists():
        raise CheckpointError(f"`{shared}` exists; a key is never overwritten")
    for file, data, mode in ((path, secret, 0o600), (shared, public, 0o644)):
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        except FileExistsError:
            raise CheckpointError(f"`{file}` exists; a key is never overwritten") from None
        except OSError as error:
            raise CheckpointError(f"cannot write `{file}`: {error.strerror}") from None
        with os.fdopen(descriptor, "wb") as out:
            out.write(data)
    return key_id(private.public_key())


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """The key to sign with. Raises CheckpointError."""
    _need_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_read(path), None)
    except TypeError:
        raise CheckpointError(f"`{path}` is encrypted; give the key itself") from None
    except (ValueError, UnsupportedAlgorithm):
        raise CheckpointError(f"`{path}` is no private key in PEM") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise CheckpointError(f"`{path}` is no private key for Ed25519")
    return key


def read_public_key(path: Path) -> Ed25519PublicKey:
    """The key to verify with. Raises CheckpointError."""
    _need_cryptography()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm):
        raise CheckpointError(
            f"`{path}` is no public key in PEM: `licet audit keygen NAME` makes NAME.pub"
        ) from None
    if not isinstance(key, Ed25519PublicKey):
        raise CheckpointError(f"`{path}` is no public key for Ed25519")
    return key


def key_id(key: Ed25519PublicKey) -> str:
    """The name of a public key in checkpoints."""
    return "ed25519:" + hashlib.sha256(key.public_bytes_raw()).hexdigest()[:32]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"cannot read `{path}`: {error.strerror}") from None


def _need_cryptography() -> None:
    try:
        import cryptography  # noqa: F401 - whether it is there
    except ImportError:
        raise CheckpointError("keys and checkpoints need `pip install 'licet[audit]'`") from None
