"""Numbers with their nouns."""


def counted(count: int, what: str, many: str | None = None) -> str:
    """`1 dataset`, `2 datasets`; `many` is the plural where it is no `s` at the end."""
    return f"{count:,} {what if count == 1 else many or what + 's'}"
