"""The shipped model in the formats that are derived from its weights, made once."""

import pytest

import network_cases


@pytest.fixture(scope="session")
def derived_model(tmp_path_factory):
    return network_cases.derived(tmp_path_factory.mktemp("derived"), "pt2", "torchscript")


@pytest.fixture(scope="session")
def quantised_model(tmp_path_factory):
    return network_cases.quantised(tmp_path_factory.mktemp("quantised"))
