"""Unit cells of the crystal structures that have a name.

Positions: Strukturbericht and Pearson's types, e.g. Mehl et al., Comput. Mater. Sci. 136, S1 (2017), at the ideal ratio
of lengths; LAMMPS relaxes it. hcp and wurtzite are told in their orthorhombic cells a × √3 a × c, so that all are
rectangular.
"""

from dataclasses import dataclass, field

import numpy as np

from lammps_heal.step.neighbours import Float64Array

Triple = tuple[float, float, float]
Plane = tuple[int, int, int]

CUBIC: Triple = (1.0, 1.0, 1.0)
HEXAGONAL: Triple = (1.0, float(np.sqrt(3.0)), float(np.sqrt(8.0 / 3.0)))
SIMPLE: tuple[Triple, ...] = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
FACE_CENTRED: tuple[Triple, ...] = ((0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0))
BODY_CENTRED: tuple[Triple, ...] = ((-0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0.5, 0.5, -0.5))
BASE_CENTRED: tuple[Triple, ...] = ((0.5, 0.5, 0.0), (-0.5, 0.5, 0.0), (0, 0, 1))


@dataclass(frozen=True)
class Dislocation:
    """Directions in units of the conventional cell, lattice vectors all three, right angles between them.

    glide: along the glide plane, across the line. normal: to the glide plane. line: of the dislocation. The Burgers
    vector is `glide` for an edge, `line` for a screw.
    """

    character: str
    glide: Triple
    normal: Triple
    line: Triple


@dataclass(frozen=True)
class Prototype:
    """A structure and the defects that are typical of it.

    shape: lengths of the conventional cell in lattice constants. basis: (n, 3) of it, in parts of the cell.
    species: which element is on each site of the basis. primitive: vectors of the primitive cell, in parts of the
    conventional one. dumbbells: directions in which an interstitial and an atom split a site. surfaces, boundaries:
    Miller indices in the conventional cell, of free surfaces and of the mirror planes of grains. faults: plane and shift
    (in parts of the conventional cell) of stacking faults.
    """

    shape: Triple
    basis: tuple[Triple, ...]
    species: tuple[int, ...]
    primitive: tuple[Triple, ...] = SIMPLE
    dumbbells: tuple[Triple, ...] = ()
    surfaces: tuple[Plane, ...] = ((1, 0, 0), (1, 1, 0), (1, 1, 1))
    boundaries: tuple[Plane, ...] = ((2, 1, 0), (3, 1, 0))
    faults: tuple[tuple[Plane, Triple], ...] = ()
    dislocations: tuple[Dislocation, ...] = field(default=())

    @property
    def n_species(self) -> int:
        """Number of different elements that the structure itself asks for."""
        return max(self.species) + 1

    def translations(self) -> Float64Array:
        """(3, 3), rows: vectors of the primitive cell in parts of the conventional one."""
        return np.array(self.primitive, np.float64)


def _centred(points: tuple[Triple, ...], centring: tuple[Triple, ...]) -> tuple[Triple, ...]:
    """Every point, then every point shifted by each centring vector, in 0 to 1."""
    shifts = [(0.0, 0.0, 0.0), *centring]
    return tuple((float((p[0] + s[0]) % 1), float((p[1] + s[1]) % 1), float((p[2] + s[2]) % 1)) for p in points for s in shifts)


_ORIGIN: Triple = (0.0, 0.0, 0.0)
_CENTRE: Triple = (0.5, 0.5, 0.5)
_QUARTER: Triple = (0.25, 0.25, 0.25)
_C_FACE: tuple[Triple, ...] = ((0.5, 0.5, 0.0),)
_THIRD = 1.0 / 3.0

_SHOCKLEY: Triple = (1 / 6, 1 / 6, -1 / 3)  # in (111): takes A to B sites
_FCC_FAULTS = (((1, 1, 1), _SHOCKLEY),)
_FCC_EDGE = Dislocation("edge", (0.5, -0.5, 0.0), (1, 1, 1), (-0.5, -0.5, 1.0))
_FCC_SCREW = Dislocation("screw", (0.5, 0.5, -1.0), (1, 1, 1), (0.5, -0.5, 0.0))
_BCC_SCREW = Dislocation("screw", (1, 1, -2), (1, -1, 0), _CENTRE)
_BCC_EDGE = Dislocation("edge", _CENTRE, (1, -1, 0), (1, 1, -2))
_BASAL_FAULTS = (((0, 0, 1), (0.0, _THIRD, 0.0)),)
_BASAL_EDGE = Dislocation("edge", (1, 0, 0), (0, 0, 1), (0, 1, 0))
_PRISMATIC_SCREW = Dislocation("screw", (0, 0, 1), (0, 1, 0), (1, 0, 0))
_HEXAGONAL_SURFACES = ((0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 2, 1))

PROTOTYPES: dict[str, Prototype] = {
    "fcc": Prototype(
        CUBIC,
        _centred((_ORIGIN,), FACE_CENTRED),
        (0, 0, 0, 0),
        FACE_CENTRED,
        dumbbells=((1, 0, 0),),
        boundaries=((1, 1, 1), (2, 1, 0), (3, 1, 0), (1, 1, 3), (2, 2, 1), (3, 2, 0)),
        faults=_FCC_FAULTS,
        dislocations=(_FCC_EDGE, _FCC_SCREW),
    ),
    "bcc": Prototype(
        CUBIC,
        (_ORIGIN, _CENTRE),
        (0, 0),
        BODY_CENTRED,
        dumbbells=((1, 1, 0), (1, 1, 1)),
        surfaces=((1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 1)),
        boundaries=((1, 1, 2), (2, 1, 0), (3, 1, 0), (1, 1, 1), (3, 3, 2)),
        dislocations=(_BCC_SCREW, _BCC_EDGE),
    ),
    "hcp": Prototype(
        HEXAGONAL,
        _centred((_ORIGIN, (0.0, _THIRD, 0.5)), _C_FACE),
        (0, 0, 0, 0),
        BASE_CENTRED,
        dumbbells=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        surfaces=_HEXAGONAL_SURFACES,
        boundaries=((0, 1, 1), (0, 2, 1), (1, 0, 1), (1, 0, 2)),
        faults=_BASAL_FAULTS,
        dislocations=(_BASAL_EDGE, _PRISMATIC_SCREW),
    ),
    "diamond": Prototype(
        CUBIC,
        _centred((_ORIGIN, _QUARTER), FACE_CENTRED),
        (0,) * 8,
        FACE_CENTRED,
        dumbbells=((1, 1, 0),),
        boundaries=((1, 1, 1), (2, 1, 0), (3, 1, 0), (2, 2, 1)),
        faults=_FCC_FAULTS,
        dislocations=(_FCC_SCREW, _FCC_EDGE),
    ),
    "B2": Prototype(
        CUBIC, (_ORIGIN, _CENTRE), (0, 1), SIMPLE, dumbbells=((1, 1, 0), (1, 1, 1)), boundaries=((2, 1, 0), (1, 1, 2))
    ),
    "L1_2": Prototype(CUBIC, _centred((_ORIGIN,), FACE_CENTRED), (1, 0, 0, 0), SIMPLE, dumbbells=((1, 0, 0),)),
    "L1_0": Prototype(
        CUBIC,
        (*_centred((_ORIGIN,), _C_FACE), *_centred(((0.5, 0.0, 0.5),), _C_FACE)),
        (0, 0, 1, 1),
        BASE_CENTRED,
        dumbbells=((1, 0, 0), (0, 0, 1)),
    ),
    "rocksalt": Prototype(
        CUBIC,
        _centred((_ORIGIN, _CENTRE), FACE_CENTRED),
        (0,) * 4 + (1,) * 4,
        FACE_CENTRED,
        dumbbells=((1, 1, 1),),
        surfaces=((1, 0, 0), (1, 1, 0)),
    ),
    "zincblende": Prototype(
        CUBIC,
        _centred((_ORIGIN, _QUARTER), FACE_CENTRED),
        (0,) * 4 + (1,) * 4,
        FACE_CENTRED,
        dumbbells=((1, 1, 0),),
        surfaces=((1, 1, 0),),
        faults=_FCC_FAULTS,
    ),
    "wurtzite": Prototype(
        HEXAGONAL,
        _centred((_ORIGIN, (0.0, _THIRD, 0.5), (0.0, _THIRD, 0.125), (0.0, 0.0, 0.625)), _C_FACE),
        (0,) * 4 + (1,) * 4,
        BASE_CENTRED,
        dumbbells=((1, 0, 0),),
        surfaces=((0, 1, 0), (1, 0, 0)),
        boundaries=((0, 1, 1),),
        faults=_BASAL_FAULTS,
    ),
}
