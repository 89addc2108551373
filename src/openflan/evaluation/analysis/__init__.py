"""Analysis of results: blocks of rows, statistics, summaries, comparisons, reference figures."""
