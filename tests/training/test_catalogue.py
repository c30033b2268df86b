"""The list of predictors: complete, named apart, and light to make."""

import subprocess
import sys

from lsbc.training.models import all_predictors


def test_rules_come_first_and_every_name_is_its_own(smoke):
    names = [predictor.name for predictor in all_predictors(smoke)]
    assert names[0].startswith("persistence") and names[-2:] == ["XGBoost", "plain CNN"]
    assert len(set(names)) == len(names)


def test_listing_the_package_imports_no_heavy_library():
    code = "import sys, lsbc.training.models; print(sorted({'torch', 'xgboost', 'scipy', 'lightning'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_rules_that_work_backwards_say_so(smoke):
    assert [predictor.backwards for predictor in all_predictors(smoke)] == [True] * 7 + [False] * 2
