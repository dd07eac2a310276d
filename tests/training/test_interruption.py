import os
import signal
import threading
import time

import pytest

from lammps_heal.errors import Interrupted
from lammps_heal.training.interruption import Interruption


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_noted_and_a_second_one_ends(number: int) -> None:
    before = signal.getsignal(number)
    with Interruption() as interruption:
        os.kill(os.getpid(), number)
        assert interruption.signal == number
        with pytest.raises(Interrupted) as error:
            os.kill(os.getpid(), number)
            time.sleep(5.0)  # the signal ends it
        assert error.value.number == number
    assert signal.getsignal(number) is before


def test_where_nothing_is_to_be_saved_it_ends_at_once() -> None:
    with Interruption() as interruption:
        with pytest.raises(Interrupted), interruption.at_once():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5.0)  # the signal ends it
        with pytest.raises(Interrupted), interruption.at_once():
            pytest.fail("it had come before")


def test_in_another_thread_it_does_nothing() -> None:
    found: list[int | None] = []

    def work() -> None:
        with Interruption() as interruption:
            found.append(interruption.signal)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [None]
