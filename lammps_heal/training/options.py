"""Options of a training, apart from the code that trains so that the command line need not load torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingOptions:
    """Everything that, with the structures, determines the weights."""

    sigma_min: float = 0.01  # Å
    sigma_max: float = 0.10  # Å
    learning_rate: float = 1.0e-3
    steps: int = 2000
    cells_per_step: int = 2
    pool_size: int = 64
    fresh_fraction: float = 1.0  # of the cells of a step; the others are states partly healed by the network
    clean_fraction: float = 0.02  # of the fresh cells: no noise at all, so that the healed stay healed
    clean_crystals: float = 1.0  # of clean_fraction, for crystals: a perfect one stays by symmetry
    strong_noise: float = 0.0  # of crystals sigma has a density that grows as this power of it; 0: any is as likely
    uneven_fraction: float = 0.0  # of the noisy fresh cells: sigma varies over the cell, up to the one drawn
    frenkel_fraction: float = 0.0  # of the fresh crystals: a close Frenkel pair, or a neighbour half-way into a vacancy
    frenkel_reach: float = 6.5  # Å, from vacancy to dumbbell
    half_way_fraction: float = 0.25  # of what could be close pairs: such a neighbour, where there is a vacancy
    frenkel_steps: int = 0  # first steps, in which all fresh cells are such crystals
    frenkel_weight: float = 1.0  # of the loss of such a crystal, where that of others is 1, as training begins
    frenkel_last_weight: float = 1.0  # and as it ends; between them it goes as the learning rate does
    smooth_fraction: float = 0.0  # of the other fresh cells: a smooth displacement, with little noise or none
    defect_fraction: float = 0.0  # of the fresh cells: relaxed defects; the rest are crystals and vacancies
    thermal_fraction: float = 0.0  # of the fresh cells: thermal snapshots, to be quenched
    oldest: int = 64  # healing steps after which a state of the pool is drawn anew
    cutoff: float = 6.0  # Å
    switch_on: float = 0.0  # of the cutoff: the envelope is 1 up to there
    layer_steps: int = 0  # at the end: of the relays alone, on several healing steps at once
    wave_weight: float = 0.0  # of the loss on what a few steps leave of long waves
    n_basis: int = 28
    n_channels: int = 12
    n_hidden: int = 64
    n_layers: int = 0
    seed: int = 1
    validate_every: int = 500
