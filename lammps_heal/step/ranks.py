"""The few collective operations that hosts need, on MPI or on a single process."""

import os
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from lammps_heal.errors import AgreedError, HealError

# Each launcher tells its processes how many they are; a process that MPI nevertheless sees alone was
# started by the launcher of another MPI.
LAUNCHER_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS")

T = TypeVar("T")


class Ranks:
    """The processes of one run. comm: an mpi4py communicator, or None for a single process."""

    def __init__(self, comm: Any = None) -> None:
        self.comm = comm if comm is not None and comm.size > 1 else None
        self.rank: int = comm.rank if self.comm is not None else 0
        self.size: int = comm.size if self.comm is not None else 1

    def all(self, value: Any) -> list[Any]:
        """`value` of every rank, in order of rank, on every rank."""
        return [value] if self.comm is None else list(self.comm.allgather(value))

    def gather(self, value: Any) -> list[Any] | None:
        """`value` of every rank, in order of rank, on the first; None on the others."""
        return [value] if self.comm is None else self.comm.gather(value)

    def share(self, value: Any) -> Any:
        """The first rank's `value`, on every rank."""
        return value if self.comm is None else self.comm.bcast(value)

    def first(self, work: Callable[[], T]) -> T:
        """What work() of the first rank returns, on every rank; what it raises too, as a HealError."""
        value: Any = None
        message = None
        if self.rank == 0:
            try:
                value = work()
            except HealError as error:
                message = str(error)
        self.agree(message)
        shared: T = self.share(value)
        return shared

    def exchange(self, parts: list[np.ndarray]) -> list[np.ndarray]:
        """parts[r] goes to rank r; returns what each rank has for this one, in order of rank."""
        return parts if self.comm is None else list(self.comm.alltoall(parts))

    def rank_on_node(self) -> int:
        """This process's number among those that share its node; a collective call."""
        if self.comm is None:
            return 0
        from mpi4py import MPI

        node = self.comm.Split_type(MPI.COMM_TYPE_SHARED)
        number: int = node.rank
        node.Free()
        return number

    def agree(self, message: str | None) -> None:
        """Raise AgreedError with the message of the lowest rank that has one, on all ranks at once."""
        messages = [m for m in self.all(message) if m is not None]
        if messages:
            raise AgreedError(messages[0])


def world() -> Ranks:
    """All processes of this MPI job. Raises HealError where the launcher and MPI do not belong together."""
    from mpi4py import MPI

    launched = max((int(os.environ.get(name, "1")) for name in LAUNCHER_SIZES), default=1)
    if launched > 1 and MPI.COMM_WORLD.size == 1:
        raise HealError(
            f"mpirun started {launched} processes, but each of them is alone: this mpirun belongs to another MPI than "
            f"mpi4py ({MPI.Get_library_version().split(',')[0].splitlines()[0]}): use the mpirun beside lammps-heal"
        )
    return Ranks(MPI.COMM_WORLD)
