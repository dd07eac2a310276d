"""The extra files of a model file: a zip archive, as TorchScript writes it, read without torch.

The entries are stored, not compressed; those of lammps-heal lie in a folder `extra/heal` of the archive. One of them is
the SHA-256 of all others, so that a damaged file is noticed before anything is made of it.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping

from lammps_heal.errors import HealError

FOLDER = "heal/"  # of the extra files; torch puts it below <archive>/extra/
DIGEST = "sha256.txt"
METADATA = "metadata.txt"
TRAINING = "training.json"


def digest(entries: Mapping[str, bytes]) -> str:
    """SHA-256 over all entries but `DIGEST` in order of name: the name, a zero byte, the length (8 bytes), the bytes."""
    total = hashlib.sha256()
    for name in sorted(set(entries) - {DIGEST}):
        total.update(name.encode() + b"\0" + len(entries[name]).to_bytes(8, "little") + entries[name])
    return total.hexdigest()


def read_entries(file: bytes, name: str) -> dict[str, bytes]:
    """The entries of lammps-heal by name, without `FOLDER`. name: of the file, for messages.

    Raises HealError for what is no archive, has no such entries, or does not have the hash it records.
    """
    advice = 'export it anew with "lammps-heal export"'
    try:
        with zipfile.ZipFile(io.BytesIO(file)) as archive:
            infos = archive.infolist()
            # Of two entries of one name some readers take the one, others the other.
            if len({info.filename.lower() for info in infos}) < len(infos):
                raise ValueError("two of its entries have the same name")
            named = {info.filename.partition("/extra/" + FOLDER)[2]: info for info in infos}
            if any(info.compress_type != zipfile.ZIP_STORED for entry, info in named.items() if entry):
                raise ValueError("its entries are compressed, and must be stored as they are")
            entries = {entry: archive.read(info) for entry, info in named.items() if entry}
    except Exception as reason:  # zipfile raises many kinds on a damaged archive
        raise HealError(f"{name} is damaged or no model file ({reason}): name one written by lammps-heal export") from reason
    if METADATA not in entries:
        raise HealError(f"{name} is no model of this lammps-heal, perhaps of an older one: {advice}")
    if entries.get(DIGEST, b"").decode(errors="replace").strip() != digest(entries):
        raise HealError(f"{name} is damaged: its content does not have the hash it records: {advice}")
    return entries


def with_digest(entries: Mapping[str, bytes]) -> dict[str, bytes]:
    """The entries under their names in the archive, with their digest."""
    return {FOLDER + name: content for name, content in {**entries, DIGEST: digest(entries).encode()}.items()}
