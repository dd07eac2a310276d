"""How large the structures of an evaluation are, and the seed that all of them begin with."""

from dataclasses import dataclass

SEED = 77_001  # of every case, followed by the case's own numbers; training has none like it


@dataclass(frozen=True)
class Size:
    """large, medium, small and cascade: conventional cells along each side. seeds, crystals: how many of them are healed.
    ps: of molecular dynamics. hot_frames: of a hot crystal, at each temperature. frames: of a cascade. recoil: eV.
    stay_steps: healing steps of what is to stay.
    """

    large: int = 16
    medium: int = 10
    small: int = 8
    seeds: int = 3
    crystals: int = 100
    ps: float = 4.0
    hot_frames: int = 50
    frames: int = 20
    cascade: int = 30
    recoil: float = 2000.0
    stay_steps: int = 64
    quick: bool = False


FULL = Size()
QUICK = Size(
    large=5,
    medium=4,
    small=4,
    seeds=1,
    crystals=4,
    ps=0.3,
    hot_frames=2,
    frames=2,
    cascade=8,
    recoil=100.0,
    stay_steps=4,
    quick=True,
)
