"""What tasks there are: cards, clusters and hold-out rules, the catalog and its linter."""
