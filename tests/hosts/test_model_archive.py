"""The plugin's reader of model files: any bytes give a model or one message, and never more than that."""

import io
import struct
import subprocess
import warnings
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from conftest import MODEL
from plugin_programs import compiled

from lammps_heal.model.archive import read_entries, with_digest
from lammps_heal.model.model_file import PackedWeights

pytestmark = pytest.mark.sanitize

ADVICE = 'export it anew with "lammps-heal export"'
Entries = dict[str, bytes]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[bytes]], list[str]]:
    """What the plugin says of each file: "ok HASH", or what is wrong."""
    program = compiled(tmp_path_factory.mktemp("reader"), "read_models", ["model_archive", "zip_archive"])

    def read(files: list[bytes]) -> list[str]:
        content = b"".join(struct.pack("<Q", len(file)) + file for file in files)
        done = subprocess.run([program], input=content, capture_output=True)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        lines = done.stdout.decode().splitlines()  # UTF-8, or it fails
        assert len(lines) == len(files)
        return lines

    return read


@pytest.fixture
def entries() -> Entries:
    """Those of a model of one channel, two hidden units, a layer and two species, of noise."""
    rng = np.random.default_rng(7)
    shapes = PackedWeights.shapes(n_channels=1, n_hidden=2, n_layers=1, n_intervals=2, n_species=2)
    arrays = {f"{name}.f32": rng.normal(size=shape).astype("<f4") for name, shape in shapes.items()}
    record = {"record_positions.f64": (2, 3), "record_cell.f64": (3, 3), "record_displacement.f64": (2, 3)}
    arrays |= {name: rng.normal(size=shape) for name, shape in record.items()}
    arrays["record_species.i32"] = np.array([0, 1], "<i4")
    metadata = (
        "format lammps-heal\nformat_version 6\nstructure fcc\nelements Pt Au\nmasses 195.084 196.97\nlattice_constant 3.92\n"
        "lattice_constants 3.8 4.1\ncutoff 6.0\nmax_displacement 1.0\nsigmas 0.01 0.65\nn_channels 1\nn_hidden 2\nn_layers 1\n"
        "n_intervals 2\nn_species 2\nn_record 2\nweights_hash 00\nof_the_future 1 2 3\n"
    )
    return {name: array.tobytes() for name, array in arrays.items()} | {"metadata.txt": metadata.encode()}


def archive(entries: Entries, method: int = zipfile.ZIP_STORED, folder: str = "m/extra/") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as written:
        for name, content in with_digest(entries).items():
            written.writestr(folder + name, content)
    return file.getvalue()


def test_the_shipped_model_and_a_small_one(reader: Callable[[list[bytes]], list[str]], entries: Entries) -> None:
    shipped = read_entries(MODEL.read_bytes(), "x")
    hashes = [with_digest(some)["heal/sha256.txt"].decode() for some in (shipped, entries)]
    assert reader([MODEL.read_bytes(), archive(entries)]) == [f"ok {sha256}" for sha256 in hashes]


def test_sizes_in_64_bits(reader: Callable[[list[bytes]], list[str]]) -> None:
    """torch writes them too, and an archive may point to them alone."""
    file = bytearray(MODEL.read_bytes())
    end = file.rfind(b"PK\5\6")
    file[end + 10 : end + 20] = b"\xff" * 10
    damaged = bytearray(file)
    damaged[end - 12 : end - 4] = b"\xff" * 8  # where the 64-bit record is
    ok, message = reader([bytes(file), bytes(damaged)])
    assert ok.startswith("ok ")
    assert message.startswith('model file "x" is damaged or no model file (it is cut off)')


@pytest.mark.parametrize(
    "old, new, message",
    [
        (
            "format_version 6",
            "format_version 5",
            "has format version 5, needed 6: export it anew with this version of lammps-heal",
        ),
        ("format_version 6", "format_version five", "format_version makes no sense"),
        ("format lammps-heal", "format other", "is not of lammps-heal"),
        ("cutoff 6.0\n", "", "has no cutoff"),
        ("cutoff 6.0", "cutoff nan", "cutoff makes no sense"),
        ("cutoff 6.0", "cutoff inf", "cutoff makes no sense"),
        ("cutoff 6.0", "cutoff 6.0x", "cutoff makes no sense"),
        ("cutoff 6.0", "cutoff 0", "cutoff is not above 0"),
        ("cutoff 6.0", "cutoff -6", "cutoff makes no sense"),
        ("cutoff 6.0", "cutoff 6.0 6.0", "cutoff is not one word"),
        ("cutoff 6.0", "cutoff 6.0\ncutoff 7.0", "says one thing twice"),
        ("max_displacement 1.0", "max_displacement 1e300", "max_displacement makes no sense"),
        ("n_channels 1", "n_channels 0", "n_channels makes no sense"),
        ("n_channels 1", "n_channels 1.5", "n_channels is no integer"),
        ("n_channels 1", "n_channels 99999999999999999999", "n_channels makes no sense"),
        ("n_channels 1", "n_channels 2", "bytes, needed"),
        ("n_hidden 2", "n_hidden 65536", "bytes, needed"),
        ("n_layers 1", "n_layers -1", "n_layers makes no sense"),
        ("n_intervals 2", "n_intervals 1000000", "heal/radial.f32 has 192 bytes, needed 96000000"),
        ("n_record 2", "n_record 10000", "heal/record_positions.f64 has 48 bytes, needed 240000"),
        ("n_record 2", "n_record 2147483648", "n_record makes no sense"),
        ("n_species 2", "n_species 3", "n_species is neither 1 nor the number of its elements"),
        ("n_species 2", "n_species 1", "heal/species_factors.f32 has 16 bytes, needed 0"),
        ("masses 195.084 196.97", "masses 195.084", "elements and masses do not fit"),
        ("masses 195.084 196.97", "masses 195.084 0", "masses makes no sense"),
        ("elements Pt Au", "elements Pt \xc4\xff", "elements makes no sense"),
        ("elements Pt Au", "elements " + 1000 * "P" + " Au", "elements makes no sense"),
    ],
)
def test_metadata(reader: Callable[[list[bytes]], list[str]], entries: Entries, old: str, new: str, message: str) -> None:
    metadata = entries["metadata.txt"].decode()
    assert old in metadata
    entries["metadata.txt"] = metadata.replace(old, new).encode("latin-1")
    (said,) = reader([archive(entries)])
    assert said.startswith('model file "x" ') and message in said
    assert "export it anew" in said


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("name", ["radial.f32", "bias2.f32", "record_cell.f64"])
def test_numbers_that_are_not_finite(
    reader: Callable[[list[bytes]], list[str]], entries: Entries, name: str, number: str
) -> None:
    numbers = np.frombuffer(entries[name], "<" + name[-3:].replace("32", "4").replace("64", "8")).copy()
    numbers[-1] = float(number)
    entries[name] = numbers.tobytes()
    assert reader([archive(entries)]) == [f'model file "x" is damaged (heal/{name} has numbers that are not finite): {ADVICE}']


def test_a_recorded_species_that_the_model_has_not(reader: Callable[[list[bytes]], list[str]], entries: Entries) -> None:
    entries["record_species.i32"] = np.array([0, 2], "<i4").tobytes()
    assert reader([archive(entries)]) == [
        f'model file "x" is damaged (its record has a species that the model has not): {ADVICE}'
    ]


def test_entries_that_are_missing_short_long_or_changed(reader: Callable[[list[bytes]], list[str]], entries: Entries) -> None:
    for name in sorted(set(entries) - {"metadata.txt"}):
        missing = {other: content for other, content in entries.items() if other != name}
        short, long = entries | {name: entries[name][:-1]}, entries | {name: entries[name] + b"\0"}
        changed = archive(entries).replace(entries[name], entries[name][:-1] + bytes([entries[name][-1] ^ 1]))
        said = reader([archive(missing), archive(short), archive(long), changed])
        assert f"it has no heal/{name}" in said[0]
        assert f"heal/{name} has {len(entries[name]) - 1} bytes, needed {len(entries[name])}" in said[1]
        assert f"heal/{name} has {len(entries[name]) + 1} bytes, needed {len(entries[name])}" in said[2]
        assert "its entries do not have the hash that it records" in said[3]


def test_archives_of_other_kinds(reader: Callable[[list[bytes]], list[str]], entries: Entries) -> None:
    twice = io.BytesIO()
    with zipfile.ZipFile(twice, "w") as written, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of the second
        for name, content in [*with_digest(entries).items(), ("heal/metadata.txt", b"format other\n")]:
            written.writestr("m/extra/" + name, content)
    older = f'model file "x" is a model of an older lammps-heal: {ADVICE}'
    none = 'is damaged or no model file (it has no directory of entries): name a file written by "lammps-heal export"'
    assert reader(
        [archive(entries, zipfile.ZIP_DEFLATED), twice.getvalue(), archive(entries, folder="m/"), archive({}), b"", b"PK\5\6"]
    ) == [
        f'model file "x" is damaged (its entries are compressed, and must be stored as they are): {ADVICE}',
        f'model file "x" is damaged (two of its entries have the same name): {ADVICE}',
        older,
        older,
        f'model file "x" {none}',
        f'model file "x" {none}',
    ]


def test_every_byte_changed_and_every_length_cut(reader: Callable[[list[bytes]], list[str]], entries: Entries) -> None:
    """What is still read is what was written: the byte was of no use, like a time or a checksum that the hash replaces."""
    file = archive(entries)
    ok = reader([file])[0]
    changed = [file[:i] + bytes([file[i] ^ bits]) + file[i + 1 :] for i in range(len(file)) for bits in (1, 0x80, 0xFF)]
    cut = [file[:n] for n in range(len(file))]
    for said in reader(changed):
        assert said == ok or said.startswith('model file "x" ')
    assert not any(said.startswith("ok") for said in reader(cut))


def test_random_damage_of_many_bytes(reader: Callable[[list[bytes]], list[str]], entries: Entries) -> None:
    rng = np.random.default_rng(11)
    original = np.frombuffer(archive(entries), np.uint8)
    directory = bytes(original).find(b"PK\1\2")
    files = []
    for _ in range(3000):
        damaged = original.copy()
        # Half of the damage in the directory, where the offsets and sizes are.
        begin = directory if rng.random() < 0.5 else 0
        places = rng.integers(begin, len(damaged), rng.integers(1, 12))
        damaged[places] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.integers(256)], len(places))
        files.append(damaged.tobytes())
    for said in reader(files):
        assert said.startswith(("ok ", 'model file "x" '))
