"""The kinds of Toy World: one file a group, one builder a kind."""
import importlib
KINDS = {}
for _n in ("animals","birds","sea","cars","road","vehicles","sky_sea","rail","buildings","people","plants","food","things"):
    try:
        _m = importlib.import_module(f"{__name__}.{_n}")
    except ModuleNotFoundError as e:
        if _n not in str(e): raise
        continue
    KINDS |= {k.name: k for k in getattr(_m, "KINDS", ())}
