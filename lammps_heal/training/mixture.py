"""What a training draws its fresh cells from: shares of all of them, and the decisions that draw these shares."""

from dataclasses import asdict, dataclass

from lammps_heal.errors import HealError

TOLERANCE = 1.0e-9  # of the sum of shares
DIGITS = 12  # of a fraction: of shares that are decimal numbers it is the decimal number it should be


@dataclass(frozen=True)
class Mixture:
    """Shares of the fresh cells of a training; together 1.

    Crystals, with vacancies or without, and relaxed defects begin with noise of one σ, with inhomogeneous noise (σ
    varies over the cell), with a long-wavelength displacement, or clean, that what rests learns to go on resting.
    Crystals can begin with a close Frenkel pair, or a hop configuration: an atom on its way into a vacancy beside it
    (a Frenkel pair where there is none). thermal: hot snapshots, to be quenched.
    """

    crystal_noise: float = 0.0
    crystal_inhomogeneous: float = 0.0
    crystal_long_wavelength: float = 0.0
    crystal_clean: float = 0.0
    frenkel_pair: float = 0.0
    hop: float = 0.0
    defect_noise: float = 0.0
    defect_inhomogeneous: float = 0.0
    defect_long_wavelength: float = 0.0
    defect_clean: float = 0.0
    thermal: float = 0.0

    def __post_init__(self) -> None:
        shares = asdict(self)
        wrong = [f"{name} = {share}" for name, share in shares.items() if not 0.0 <= share <= 1.0]
        if wrong:
            raise HealError(f"a share is from 0 to 1, got {', '.join(wrong)}")
        total = sum(shares.values())
        if abs(total - 1.0) > TOLERANCE:
            given = ", ".join(f"{name} = {share}" for name, share in shares.items() if share > 0.0)
            raise HealError(f"shares must sum to 1, got {total:.6g}: {given or 'none'}")


NOISE = Mixture(crystal_noise=0.98, crystal_clean=0.02)  # of the project's first training


@dataclass(frozen=True)
class NoiseFractions:
    """Of what is neither a pair nor thermal: each a fraction of what the one before it left."""

    long_wavelength: float
    clean: float
    inhomogeneous: float

    @classmethod
    def of(cls, noise: float, inhomogeneous: float, long_wavelength: float, clean: float) -> "NoiseFractions":
        """From shares."""
        noisy = noise + inhomogeneous
        return cls(
            long_wavelength=_fraction(long_wavelength, noisy + clean + long_wavelength),
            clean=_fraction(clean, noisy + clean),
            inhomogeneous=_fraction(inhomogeneous, noisy),
        )


@dataclass(frozen=True)
class Fractions:
    """The mixture as it is drawn, one decision after the other. pair: of the crystals; hop: of these."""

    defect: float
    thermal: float
    pair: float
    hop: float
    crystals: NoiseFractions
    defects: NoiseFractions

    @classmethod
    def of(cls, mixture: Mixture) -> "Fractions":
        m = mixture
        crystals = (m.crystal_noise, m.crystal_inhomogeneous, m.crystal_long_wavelength, m.crystal_clean)
        defects = (m.defect_noise, m.defect_inhomogeneous, m.defect_long_wavelength, m.defect_clean)
        pairs = m.frenkel_pair + m.hop
        return cls(
            defect=round(sum(defects), DIGITS),
            thermal=m.thermal,
            pair=_fraction(pairs, pairs + sum(crystals)),
            hop=_fraction(m.hop, pairs),
            crystals=NoiseFractions.of(*crystals),
            defects=NoiseFractions.of(*defects),
        )


def _fraction(part: float, whole: float) -> float:
    return round(part / whole, DIGITS) if whole > 0.0 else 0.0
