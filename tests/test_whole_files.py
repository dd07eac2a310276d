"""Files are written whole or not at all, also on a full disk."""

import os
import resource
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lammps_heal.errors import HealError
from lammps_heal.whole_files import whole_file, write_json, write_text

LIMIT = 4096  # bytes


@contextmanager
def full_disk() -> Iterator[None]:
    """No file can grow beyond LIMIT bytes in this process: writing fails as on a full disk. Nor can a log of the tests, so
    no fixture: pytest itself writes before those end."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "figures.json"
    path.write_text("old")
    return path


def is_as_before(old: Path) -> bool:
    return old.read_text() == "old" and [p.name for p in old.parent.iterdir()] == [old.name]


def test_a_file_takes_its_name_when_it_is_complete(old: Path) -> None:
    with whole_file(old) as unfinished:
        unfinished.write_text("new")
        assert old.read_text() == "old"
    assert old.read_text() == "new"
    assert list(old.parent.iterdir()) == [old]


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_interruption_leaves_the_earlier_file(old: Path, interruption: type[BaseException]) -> None:
    with pytest.raises(interruption), whole_file(old) as unfinished:
        unfinished.write_text("half")
        raise interruption
    assert is_as_before(old)


def test_a_full_disk_is_said_and_leaves_the_earlier_file(old: Path) -> None:
    refused = pytest.raises(
        HealError, match=r'cannot write ".*figures.json": File too large; the earlier file is as it was; raise'
    )
    with refused, full_disk():
        write_text(old, "x" * 2 * LIMIT)
    assert is_as_before(old)


def test_a_full_disk_is_told_for_writers_that_do_not_say_why(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lammps_heal.whole_files.FULL", 1 << 80)
    with pytest.raises(HealError, match="No space left on device"), whole_file(old) as unfinished:
        unfinished.write_text("half")
        raise RuntimeError("unexpected pos 64 vs 0")
    assert is_as_before(old)


def test_errors_of_other_files_stay_what_they_are(old: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_file(old) as unfinished:
        unfinished.write_text("half")
        (old.parent / "missing").read_text()
    assert is_as_before(old)


def test_what_does_not_pass_its_check_is_not_kept(old: Path) -> None:
    def check(path: Path) -> None:
        if path.read_text() != "right":
            raise HealError("not as it was meant")

    with pytest.raises(HealError, match="not as it was meant"), whole_file(old, check) as unfinished:
        unfinished.write_text("wrong")
    assert is_as_before(old)
    with whole_file(old, check) as unfinished:
        unfinished.write_text("right")
    assert old.read_text() == "right"


def test_a_writer_that_wrote_nothing_is_noticed(old: Path) -> None:
    with pytest.raises(HealError, match="nothing was written"), whole_file(old):
        pass
    assert is_as_before(old)


def test_what_can_never_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    for path, words in ((tmp_path, "it is a folder"), (tmp_path / "a" / "b", 'folder ".*a" does not exist; make it')):
        with pytest.raises(HealError, match=words), whole_file(path):
            raise AssertionError("the work began")


def test_links_and_modes_are_kept(old: Path) -> None:
    old.chmod(0o640)
    link = old.with_name("link.json")
    link.symlink_to(old.name)
    write_json(link, {"σ": 1})
    assert link.is_symlink()
    assert old.read_text() == '{\n "σ": 1\n}\n'
    assert stat.S_IMODE(old.stat().st_mode) == 0o640


def test_devices_and_pipes_are_written_to_directly(tmp_path: Path) -> None:
    write_text("/dev/null", "gone")
    assert not Path("/dev/null").is_file()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
