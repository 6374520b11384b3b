"""How training is said: epochs and optimisers by phase, devices, and settings that exclude one another."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from transmodal.recipes.training_schema import Player, Training, is_device

PHASED = Training.model_validate(
    {
        "epochs": 10,
        "players": {"generator": {"lr": 1e-3}},
        "phases": {
            "cnn": {"epochs": 3, "players": {"discriminator": {"optimizer": "sgd"}}},
            "transformer": {},
        },
    }
)


def test_a_phase_has_its_own_epochs_or_those_of_training() -> None:
    assert [PHASED.epochs_of(phase) for phase in ("cnn", "transformer", "train")] == [3, 10, 10]


def test_a_player_has_its_phases_optimiser_or_trainings_or_the_default() -> None:
    assert PHASED.player("cnn", "discriminator").optimizer == "sgd"
    assert PHASED.player("cnn", "generator").lr == 1e-3
    assert PHASED.player("transformer", "discriminator") == Player()
    assert Player().betas == (0.5, 0.999)


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("auto", True),
        ("cpu", True),
        ("cuda:12", True),
        ("cuda:", False),
        ("cuda:x", False),
        ("gpu", False),
        ("cpu ", False),
    ],
)
def test_names_of_devices(name: str, device: bool) -> None:
    assert is_device(name) == device


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"batch": 3, "processes": 2}, "a batch of 3 does not divide among 2 processes"),
        ({"store_features": True, "augment": {"flip_lr": True}}, "store_features keeps"),
        ({"device": "tpu"}, "cuda and a number"),
        ({"loggers": ["mlflow", "mlflow"]}, "loggers names one twice"),
        ({"loggers": ["visdom"]}, "tensorboard"),
        ({"epochs": 0}, "epochs"),
        ({"augment": {"jitter": 1.0}}, "jitter"),
        ({"players": {"generator": {"betas": [0.5, 1.0]}}}, "betas"),
        ({"players": {"Generator": {}}}, "small letters"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Training.model_validate({"epochs": 1, **settings})
