"""GitHub Linguist's tables as data: `linguist.json`, which `derive.py` makes of its sources; `LICENSE` is theirs (MIT)."""
