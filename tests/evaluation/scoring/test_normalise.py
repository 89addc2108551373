import pytest

from openflan.evaluation.scoring.interface import Ranking, RankRequest
from openflan.evaluation.scoring.normalise import normalised, without_input

RANKING = Ranking([-6.0, -4.0], [3, 1])
OPTIONS = ("it rains", "no")


@pytest.mark.parametrize(
    ("how", "expected"), [("sum", [-6, -4]), ("token", [-2, -4]), ("character", [-0.75, -2]), ("pmi", [3, -1])]
)
def test_normalised(how, expected):
    assert normalised(RANKING, OPTIONS, how, Ranking([-9.0, -3.0], [3, 1])) == expected


def test_pmi_needs_the_unconditional_numbers():
    with pytest.raises(ValueError, match="empty input"):
        normalised(RANKING, OPTIONS, "pmi")
    assert without_input(RankRequest("Weather?", OPTIONS)) == RankRequest("", OPTIONS)
