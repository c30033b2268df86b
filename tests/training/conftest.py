"""The synthetic land and a small configuration, shared by the tests of the training package."""

from dataclasses import replace
from pathlib import Path

import pytest

from lsbc.training.config import SampleConfig, SplitConfig, read_config
from lsbc.training.synthetic import synthetic_data

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data" / "bavaria"


@pytest.fixture(scope="session")
def land():
    return synthetic_data()


@pytest.fixture(scope="session")
def split():
    return SplitConfig(train_years=(2000, 2006), test_years=(2007, 2010), held_out_share=0.2, check_share=0.1,
                       buffer_cells=2, seed=3)


@pytest.fixture(scope="session")
def sample_config():
    return SampleConfig(patch=48, margin=4, batch=2)


@pytest.fixture
def smoke(tmp_path):
    """The smoke configuration with its results in a temporary directory."""
    config = read_config(ROOT / "training" / "configs" / "smoke.toml")
    return replace(config, run=replace(config.run, directory=tmp_path / "run"),
                   export=replace(config.export, directory=tmp_path / "artefact"))


@pytest.fixture(scope="session")
def bavaria_directory():
    if not SHARED.is_dir():
        pytest.skip("the Bavarian maps (shared/data/bavaria) are not on this machine")
    return SHARED
