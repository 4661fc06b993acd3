"""The harness names each mistake by the right check, and finds none where there is none."""

from __future__ import annotations

from acme.sdk.testing import Outcome
from acme_sdk.testing.registry import all_checks
from tests.mutants.conftest import failed
from tests.mutants.gallery import correct, mutants

NO_VERDICT = {Outcome.UNREACHABLE, Outcome.MISCONFIGURED}


def test_the_right_check_names_the_mistake(mutant, seed, results):
    found = failed(results(mutant, seed))
    assert found.keys() == mutant.caught_by, found


def test_a_correct_connector_passes(sound, seed, results):
    found = results(sound, seed)
    assert not failed(found)
    assert not NO_VERDICT & {result.outcome for result in found}
    assert Outcome.PASSED in {result.outcome for result in found}


def test_there_are_enough_of_them():
    assert len(mutants()) >= 40
    assert len(correct()) >= 10


def test_every_mutant_names_checks_that_exist():
    known = {check.id for check in all_checks()}
    assert {check for mutant in mutants() for check in mutant.caught_by} <= known
