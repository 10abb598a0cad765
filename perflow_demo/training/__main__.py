"""python -m perflow_demo.training RECIPE: starts a run or goes on with it; --publish ships it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from perflow_demo.training.loop import last_checkpoint, resume, train
from perflow_demo.training.publish import digest, earlier_legs, write_card
from perflow_demo.training.recipes import RECIPES, recipe
from perflow_demo.training.workshop import Workshop


def main(
    name: Annotated[str, typer.Argument(metavar="RECIPE", help=", ".join(RECIPES))],
    runs: Annotated[Path, typer.Option(help="where runs and cached data live")] = Path("runs"),
    assets: Annotated[Path, typer.Option(help="the family's folder")] = Path("assets/pocket"),
    debug: Annotated[bool, typer.Option(help="all in miniature: does it run at all?")] = False,
    steps: Annotated[int | None, typer.Option(help="instead of the recipe's own length")] = None,
    publish: Annotated[
        bool, typer.Option(help="ship the run's last checkpoint, without training")
    ] = False,
) -> None:
    """Trains RECIPE until its last step, resuming where an earlier run stopped."""
    if name not in RECIPES:
        raise typer.BadParameter(f"There is no recipe {name!r}; there are {', '.join(RECIPES)}.")
    made = recipe(name, Workshop(runs / "data", assets, debug), steps)
    folder = runs / (f"{name}-debug" if debug else name)
    begun = folder / "begun.json"
    stands_on = {part: digest(assets / part) for part in made.stands_on}
    if last_checkpoint(folder) is None:
        if publish:
            raise typer.BadParameter(
                f"{folder} has no checkpoint; train {name} before publishing it."
            )
        folder.mkdir(parents=True, exist_ok=True)
        earlier = earlier_legs(assets, name) if made.goes_on else {}
        begun.write_text(json.dumps({"earlier": earlier, "stands_on": stands_on}))
    known = json.loads(begun.read_text())
    changed = [part for part in stands_on if stands_on[part] != known["stands_on"].get(part)]
    if changed:
        raise typer.BadParameter(
            f"{folder} stands on another {' and '.join(changed)} than {assets} now has; move it "
            "away to begin anew."
        )
    earlier = known["earlier"]
    # Data and noise of its own, where earlier runs have had others.
    made = replace(made, seed=made.seed + earlier.get("earlier_step", 0))
    if not publish:
        train(made, folder)
        return
    run = resume(made, folder)
    measures = run.objective.publish(run.ema.module.eval(), assets)
    facts = {k: v for k, v in asdict(made).items() if k in ("batch", "lr", "muon", "ema", "seed")}
    facts |= run.progress.state_dict() | measures
    write_card(assets, name, facts | earlier)
    print(f"{name}: step {run.progress.step}, {measures} → {assets}")


if __name__ == "__main__":
    typer.run(main)
