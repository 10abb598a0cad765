"""Weight differences added to a UNet, one tensor after the other in float32, as it is read."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from perflow_demo.errors import LoadError
from perflow_demo.flow import MergeReport, apply_delta, expand_delta
from perflow_demo.flow.low_rank import DOWN, UP
from perflow_demo.models.loaders import check_shapes, empty_network, load_network, ready, shapes
from perflow_demo.models.lora_weights import Differences, read_lora
from perflow_demo.models.sources import Source
from perflow_demo.models.spec import Component
from perflow_demo.models.stored import ADVICE, BytesRead, Shapes, Tensors, place


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


class Difference(Mapping[str, Tensor]):
    """A stored weight difference in float32, each tensor made when it is asked for.

    shapes: of all of them. Raises LoadError for a file that is not whole.
    """

    def __init__(self, path: Path, read: BytesRead | None = None) -> None:
        self._tensors = Tensors(path, read)
        self.shapes = _whole_shapes(path, self._tensors.shapes)

    def __getitem__(self, key: str) -> Tensor:
        if key in self._tensors:
            return self._tensors[key].float()
        factors = {key + end: self._tensors[key + end].float() for end in (UP, DOWN)}
        return expand_delta(factors)[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)


class LooseUnet(Mapping[str, Tensor]):
    """A UNet's weights with differences added, in float32 on the CPU, each made when asked for.

    network: the UNet without any weights. Otherwise as `load_unet`.
    """

    def __init__(self, component: Component, deltas: Sequence[Addition], source: Source) -> None:
        self.network, self._stored = _stored(component, source, None)
        self._differences = [_difference(addition, self.network, None) for addition in deltas]
        self._strengths = [addition.strength for addition in deltas]

    @property
    def shapes(self) -> Shapes:
        """The shapes of all weights."""
        return shapes(self.network)

    def __getitem__(self, key: str) -> Tensor:
        return _sum(key, self._stored, self._differences, self._strengths)[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)


def load_unet(
    component: Component,
    deltas: Sequence[Addition],
    source: Source,
    dtype: torch.dtype,
    read: BytesRead | None = None,
) -> tuple[torch.nn.Module, tuple[Merge, ...]]:
    """A private UNet with weight differences added to it, and what each did to its weights.

    deltas: added in this order as base + Σ strength·difference. The sums are made in float32 and
    rounded once, to `dtype`; of base and differences a single tensor is held at a time. Otherwise
    like `load_network`.
    """
    if not deltas:
        return load_network(component, source, dtype, read), ()
    module, stored = _stored(component, source, read)
    differences = [_difference(addition, module, read) for addition in deltas]
    strengths = [addition.strength for addition in deltas]
    weights, reports = _merge(stored, differences, strengths, dtype)
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
    module, stored = _stored(component, source, read)
    difference, known = Difference(delta.file, read), shapes(module)
    check_shapes(
        delta.file,
        {key: known.get(key, shape) for key, shape in difference.shapes.items()},
        {key: shape for key, shape in known.items() if key in difference.shapes},
    )
    try:
        weights, (report,) = _merge(stored, [difference], [delta.strength], dtype)
    except ValueError as error:
        raise LoadError(f"{place(delta.file)} is no ΔW for {component.title}: {error}.") from error
    return ready(module, weights, dtype), report


def _stored(
    component: Component, source: Source, read: BytesRead | None
) -> tuple[torch.nn.Module, Tensors]:
    """A network that still has no weights, and its weights as they are stored."""
    module, path = empty_network(component, source), source.file(component.weights)
    tensors = Tensors(path, read)
    check_shapes(path, tensors.shapes, shapes(module))
    return module, tensors


def _difference(
    addition: Addition, module: torch.nn.Module, read: BytesRead | None
) -> Difference | Differences:
    """A difference as it is stored; raises LoadError for that of another network."""
    path, expected = addition.file, shapes(module)
    if addition.lora:
        difference = read_lora(path, module.config, read)
        expected = {key: shape for key, shape in expected.items() if key in difference.shapes}
    else:
        difference = Difference(path, read)
    check_shapes(path, difference.shapes, expected)
    return difference


def _left_out(title: str, difference: Difference | Differences) -> str:
    """What there is to say of a LoRA's other half."""
    if not (isinstance(difference, Differences) and difference.left_out):
        return ""
    count = difference.left_out
    return f"{title} has {count} tensors for the text encoder; only the UNet was changed."


def _whole_shapes(path: Path, stored: Shapes) -> Shapes:
    """The shapes of a difference's tensors once its factors are multiplied."""
    whole = {}
    for key in dict.fromkeys(name.removesuffix(UP).removesuffix(DOWN) for name in stored):
        up, down = stored.get(key + UP, ()), stored.get(key + DOWN, ())
        if key not in stored and (not up or up[1:] != down[:1]):
            raise LoadError(f"{place(path)} holds low-rank factors that do not pair; {ADVICE}.")
        whole[key] = stored.get(key, (*up[:1], *down[1:]))
    return whole


def _merge(
    stored: Tensors,
    differences: Sequence[Mapping[str, Tensor]],
    strengths: Sequence[float],
    dtype: torch.dtype,
) -> tuple[dict[str, Tensor], list[MergeReport]]:
    """The weights with the differences added, in `dtype`, and what each difference did."""
    weights, found = {}, []
    for key in stored:
        weight, reports = _sum(key, stored, differences, strengths)
        weights[key] = weight.to(dtype)
        found.append(reports)
    return weights, [_together(reports) for reports in zip(*found, strict=True)]


def _sum(
    key: str,
    stored: Tensors,
    differences: Sequence[Mapping[str, Tensor]],
    strengths: Sequence[float],
) -> tuple[Tensor, list[MergeReport]]:
    """One weight with the differences added, in float32, and what each did to it."""
    one, reports = {key: stored[key].to(torch.float32, copy=True)}, []
    for difference, strength in zip(differences, strengths, strict=True):
        change = difference.get(key)
        share = {} if change is None else {key: change.float()}
        reports.append(apply_delta(one, share, strength, strict=False))
    return one[key], reports


def _together(reports: Sequence[MergeReport]) -> MergeReport:
    """The reports of single keys as one."""
    merged, kept, adapted = (
        tuple(key for report in reports for key in getattr(report, name))
        for name in ("merged", "kept", "shape_adapted")
    )
    changes = {key: value for report in reports for key, value in report.relative_change.items()}
    return MergeReport(reports[0].strength, merged, kept, adapted, changes)
