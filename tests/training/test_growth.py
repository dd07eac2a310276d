import pytest
import torch
from trainings import crystals, trainer

from lammps_heal.errors import HealError
from lammps_heal.training.growth import start_from


def test_a_wider_network_starts_with_the_displacements_of_the_other() -> None:
    narrow, wide = trainer(crystals(), n_hidden=16), trainer(crystals(), n_hidden=21)
    for _ in range(5):
        narrow.train_step()
    start_from(narrow.network.state_dict(), wide.network)
    states = [narrow.states.fresh() for _ in range(2)]
    for expected, found in zip(narrow.displacements(states), wide.displacements(states), strict=True):
        assert expected.abs().max() > 1e-4
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    # What the units that are new take in is not zero: they can learn.
    assert (wide.network.gates[0].weight[16:].abs().amax(1) > 0.0).all()
    with pytest.raises(HealError, match=r"of another size \(gates"):
        start_from(wide.network.state_dict(), narrow.network)
    with pytest.raises(HealError, match="of another size"):
        start_from(narrow.network.state_dict(), trainer(crystals(), n_channels=5).network)
