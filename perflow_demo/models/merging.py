"""Weight differences added to a UNet while it loads: one tensor after the other in float32."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from perflow_demo.errors import LoadError
from perflow_demo.flow import MergeReport, apply_delta, expand_delta
from perflow_demo.flow.low_rank import factored_keys
from perflow_demo.models.loaders import check_shapes, empty_network, load_network, ready, shapes
from perflow_demo.models.lora_weights import Differences, read_lora
from perflow_demo.models.sources import Source
from perflow_demo.models.spec import Component
from perflow_demo.models.stored import ADVICE, BytesRead, place, read_shapes, read_tensors


class Addition(NamedTuple):
    """A weight difference to add to a UNet: its file, how much of it, and where the file is.

    lora: whether the file holds a LoRA, which changes some of the weights, and not all.
    """

    component: Component
    strength: float
    source: Source
    lora: bool = False

    @property
    def file(self) -> Path:
        """Where the difference is stored."""
        return self.source.file(self.component.weights)


class Merge(NamedTuple):
    """What adding `title` did to a UNet's weights; note: what of it was left out, mostly ""."""

    title: str
    report: MergeReport
    note: str = ""


def load_unet(
    component: Component,
    deltas: Sequence[Addition],
    source: Source,
    dtype: torch.dtype,
    read: BytesRead | None = None,
) -> tuple[torch.nn.Module, tuple[Merge, ...]]:
    """A private UNet with weight differences added to it, and what each did to its weights.

    deltas: added in this order as base + Σ strength·difference. The sums are made in float32 and
    rounded once, to `dtype`. Otherwise like `load_network`.
    """
    if not deltas:
        return load_network(component, source, dtype, read), ()
    module, weights = _stored(component, source, read)
    differences = [_difference(addition, module, read) for addition in deltas]
    reports = _merge(weights, differences, [addition.strength for addition in deltas], dtype)
    titles = [addition.component.title for addition in deltas]
    notes = map(_left_out, titles, differences)
    return ready(module, weights, dtype), tuple(map(Merge, titles, reports, notes))


def load_multiview_unet(
    component: Component,
    source: Source,
    dtype: torch.dtype,
    delta: Addition | None = None,
    read: BytesRead | None = None,
) -> tuple[torch.nn.Module, MergeReport | None]:
    """A private multiview UNet and what the ΔW of a text-to-image model did to its weights.

    delta: merged leniently, since a multiview UNet has more weights than the one ΔW was made for.
    The report lists what was left as it was. Without a delta there is no report. Otherwise like
    `load_unet`.
    """
    if delta is None:
        return load_network(component, source, dtype, read), None
    module, weights = _stored(component, source, read)
    difference = _plain(delta.file, read)
    known = shapes(module)
    check_shapes(
        delta.file,
        {key: known.get(key, tuple(tensor.shape)) for key, tensor in difference.items()},
        {key: shape for key, shape in known.items() if key in difference},
    )
    try:
        (report,) = _merge(weights, [difference], [delta.strength], dtype)
    except ValueError as error:
        raise LoadError(f"{place(delta.file)} is no ΔW for {component.title}: {error}.") from error
    return ready(module, weights, dtype), report


def read_delta(path: Path, read: BytesRead | None = None) -> dict[str, Tensor]:
    """A stored weight difference, whole and in float32."""
    return {key: tensor.float() for key, tensor in _plain(path, read).items()}


def _stored(
    component: Component, source: Source, read: BytesRead | None
) -> tuple[torch.nn.Module, dict[str, Tensor]]:
    """A network that still has no weights, and its weights as they are stored."""
    module, path = empty_network(component, source), source.file(component.weights)
    check_shapes(path, read_shapes(path), shapes(module))
    return module, read_tensors(path, None, read)


def _difference(
    addition: Addition, module: torch.nn.Module, read: BytesRead | None
) -> Mapping[str, Tensor]:
    """A difference as it is stored; raises LoadError for that of another network."""
    path, expected = addition.file, shapes(module)
    if addition.lora:
        difference = read_lora(path, module.config, read)
        expected = {key: shape for key, shape in expected.items() if key in difference}
    else:
        difference = _plain(path, read)
    check_shapes(path, {key: tuple(t.shape) for key, t in difference.items()}, expected)
    return difference


def _left_out(title: str, difference: Mapping[str, Tensor]) -> str:
    """What there is to say of a LoRA's other half."""
    if not (isinstance(difference, Differences) and difference.left_out):
        return ""
    count = difference.left_out
    return f"{title} has {count} tensors for the text encoder; only the UNet was changed."


def _plain(path: Path, read: BytesRead | None) -> dict[str, Tensor]:
    """A difference as it is stored, but factors multiplied in float32."""
    tensors = read_tensors(path, None, read)
    factors = {key: tensors[key].float() for key in factored_keys(tensors)}
    try:
        return expand_delta(tensors | factors)
    except (KeyError, RuntimeError) as error:
        raise LoadError(
            f"{place(path)} holds low-rank factors that do not pair; {ADVICE}."
        ) from error


def _merge(
    weights: dict[str, Tensor],
    differences: Sequence[Mapping[str, Tensor]],
    strengths: Sequence[float],
    dtype: torch.dtype,
) -> list[MergeReport]:
    """Adds the differences to `weights`, in place, whose tensors come out in `dtype`."""
    found: list[list[MergeReport]] = [[] for _ in differences]
    for key, stored in weights.items():
        one = {key: stored.float()}
        for difference, strength, reports in zip(differences, strengths, found, strict=True):
            share = {key: difference[key].float()} if key in difference else {}
            reports.append(apply_delta(one, share, strength, strict=False))
        weights[key] = one[key].to(dtype)
    return [_together(reports) for reports in found]


def _together(reports: Sequence[MergeReport]) -> MergeReport:
    """The reports of single keys as one."""
    merged, kept, adapted = (
        tuple(key for report in reports for key in getattr(report, name))
        for name in ("merged", "kept", "shape_adapted")
    )
    changes = {key: value for report in reports for key, value in report.relative_change.items()}
    return MergeReport(reports[0].strength, merged, kept, adapted, changes)
