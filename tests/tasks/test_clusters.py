"""The hold-out rules between clusters (paper section 2.2, footnote 1)."""

import pytest

from openflan.errors import UnknownNameError
from openflan.tasks.clusters import CLUSTERS, TOO_CLOSE, check_cluster, excluded_clusters

RULES = {
    "rc_commonsense": {"rc_commonsense", "reading_comprehension", "commonsense"},
    "reading_comprehension": {"reading_comprehension", "rc_commonsense"},
    "commonsense": {"commonsense", "rc_commonsense"},
    "nli": {"nli", "paraphrase"},
    "paraphrase": {"paraphrase", "nli"},
}


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_what_is_dropped_with_a_cluster(cluster: str) -> None:
    assert set(excluded_clusters([cluster])) == RULES.get(cluster, {cluster})


def test_reasons_name_the_cluster_that_is_too_close() -> None:
    assert excluded_clusters(["nli"]) == {"nli": "held out", "paraphrase": "too close to nli"}
    assert excluded_clusters(["nli", "paraphrase"]) == {"nli": "held out", "paraphrase": "held out"}


def test_the_rules_name_clusters() -> None:
    assert {name for pair in TOO_CLOSE.items() for name in (pair[0], *pair[1])} <= set(CLUSTERS)


def test_what_is_nearly_a_cluster_of_the_paper_is_a_slip() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'translation'"):
        check_cluster("translations")
    with pytest.raises(UnknownNameError, match="small letters"):
        check_cluster("../nli")


def test_a_cluster_may_be_ones_own() -> None:
    assert check_cluster("customer_tickets") == "customer_tickets"


def test_a_cluster_of_the_papers_name_with_a_word_before_it_is_no_slip() -> None:
    assert check_cluster("ni_translation") == "ni_translation"
    with pytest.raises(UnknownNameError, match="did you mean 'summarization'"):
        check_cluster("summarizations")
