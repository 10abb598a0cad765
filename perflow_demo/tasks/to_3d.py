"""A prompt or a picture becomes a mesh: the request, its result, and the run between them."""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from perflow_demo.errors import BadRequest, OutOfMemory
from perflow_demo.registry.stock import solid_model
from perflow_demo.tasks import foreground, libraries, text_to_image
from perflow_demo.tasks.contract import (
    CUTOUT,
    PICTURE,
    Phase,
    Progress,
    Request,
    Stage,
    finish,
)
from perflow_demo.tasks.leasing import lease
from perflow_demo.tasks.picture import digest
from perflow_demo.tasks.text_to_image import MAX_SEED, RANDOM, TextToImageRequest
from perflow_demo.tasks.working import told

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

    from perflow_demo.geometry.mesh import Mesh
    from perflow_demo.models.spec import Family, SolidModel
    from perflow_demo.registry import Registry

DENSITY = 25.0  # at which the surface is cut, as published with TripoSR
TEXTURED_FACES = 10_000  # of a mesh with a texture, unless the user says otherwise
MOST_TEXTURED = 100_000  # more are laid flat for minutes, and have a few texels each
STAGES = ("Picture", "Cut-out", "Shape", "Surface", "Finish")


class NothingSolid(BadRequest):
    """The network saw no solid thing."""


class To3DRequest(Request):
    """What to make a mesh of, and how. Needs a prompt, or a picture beside it."""

    task: ClassVar[str] = "to_3d"
    filled_in: ClassVar[tuple[str, ...]] = ("parent", "source")
    formerly: ClassVar[dict[str, bool]] = {"details": False}

    prompt: str = Field(
        "",
        max_length=2000,
        title="Prompt",
        description="The thing in words, for instance: a red mushroom. Not needed with a picture.",
    )
    parent: str = Field(
        "",
        max_length=64,
        title="Parent picture",
        description="SHA-256 of the picture that the mesh was made of; filled in by a run.",
    )
    family: str = Field("pocket", max_length=64, title="Family", description="Draws the picture.")
    style: str | None = Field(
        None, max_length=64, title="Style", description="A fine-tune of the family."
    )
    model: str | None = Field(
        None,
        max_length=64,
        title="3D model",
        description="The network that makes the solid; without it, the one of the family.",
    )
    seed: int = Field(
        RANDOM,
        ge=RANDOM,
        le=MAX_SEED,
        title="Seed",
        description="The same seed draws the same picture again; -1 picks one at random.",
    )
    ratio: float = Field(
        0.85,
        ge=0.3,
        le=1,
        allow_inf_nan=False,
        title="Foreground ratio",
        description="Share of the picture's side that the object takes, as the network sees it.",
    )
    resolution: int | None = Field(
        None,
        ge=32,
        le=1024,
        title="Resolution",
        description="Samples along each axis from which the surface is made; without it, as many "
        "as show all that the 3D model makes.",
    )
    texture: bool = Field(
        True,
        title="Texture",
        description="Colours as a texture, sharp on few faces; else a colour for each vertex.",
    )
    faces: int | None = Field(
        None,
        ge=100,
        le=4_000_000,
        title="Faces",
        description=f"About so many triangles; without it {TEXTURED_FACES} under a texture, else "
        "all there are.",
    )
    print_ready: bool = Field(
        False,
        title="Print-ready",
        description="One closed piece: the largest part alone, its holes filled.",
    )
    details: bool = Field(
        True,
        title="Picture's details",
        description="What the picture shows is painted on the mesh; else all is the network's.",
    )
    source: TextToImageRequest | None = Field(
        None,
        title="Source",
        description="The recipe that the picture was drawn by, where it has one.",
    )


@dataclass(frozen=True)
class To3DResult:
    """The mesh of one request and how it came about.

    mesh: +Y up, facing +Z as the picture's camera saw it. surface: the same before a texture cut
    it open, with colours at its vertices. picture: what was drawn or given, as large as its
    cut-out; cutout: its object, RGBA. request: as it was really run: the seed used, the hash of the
    whole picture. seconds: of work, by stage. notes: sentences on whatever differs from what was
    asked for.
    """

    mesh: "Mesh"
    surface: "Mesh"
    picture: "Image"
    cutout: "Image"
    request: To3DRequest
    seconds: dict[str, float]
    notes: tuple[str, ...]

    def line(self) -> str:
        """`seed 7 · 9,998 faces · watertight · 1.20 × 1.40 × 0.90 · 3.2 s (cut-out 0.1 · …)`."""
        closed = "watertight" if self.surface.watertight else "not watertight"
        spent = " · ".join(f"{stage} {seconds:.1f}" for stage, seconds in self.seconds.items())
        words = [f"seed {self.request.seed}"] if self.request.prompt else []
        words += [f"{len(self.mesh.faces):,} faces", closed]
        words += [" × ".join(f"{side:.2f}" for side in self.size)]
        return f"{' · '.join(words)} · {sum(self.seconds.values()):.1f} s ({spent})"

    @property
    def size(self) -> tuple[float, float, float]:
        """Width, height and depth of the mesh, in its own units."""
        return tuple((self.mesh.vertices.max(0) - self.mesh.vertices.min(0)).tolist())


@dataclass
class _Run:
    """One run under way: the request as it is found out, and the time of each stage."""

    request: To3DRequest
    registry: "Registry"
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def stage(self, title: str, work: Generator) -> Generator:
        """Yield that the stage begins and what its work yields; return what that returns."""
        yield Phase(title, STAGES.index(title) + 1, len(STAGES))
        start = time.perf_counter()
        result = yield from work
        self.seconds[title.lower()] = time.perf_counter() - start
        return result


def stream(
    request: To3DRequest,
    registry: "Registry",
    previews: bool = True,
    picture: "Image | None" = None,
) -> Iterator[Progress | To3DResult]:
    """Make the mesh, telling how far it is: Phase, Loading, Step and Stage, then the To3DResult.

    picture: what to make it of, instead of one drawn from the prompt; any mode, and one that is
    transparent already counts as cut out.
    Closing the generator stops the run between stages, or between blocks of the extraction.
    Raises UserError: BadRequest for what cannot become a mesh, LoadError, OutOfMemory.
    """
    family = registry.family(request.family)
    model = solid_model(request.model or family.solid)
    settled = {"model": model.name, "resolution": request.resolution or model.resolution}
    run = _Run(resolve(request, picture).model_copy(update=settled), registry)
    yield from libraries.loaded()
    _refuse_too_large(run.request, registry)
    if picture is None:
        drawing = drawing_of(request, family, model)
        picture = yield from run.stage("Picture", _draw(run, drawing, previews))
    picture = foreground.reduced(picture)
    yield Stage(PICTURE, picture)
    real = model.repository is not None
    cutting = foreground.stream(picture, registry, drawn=bool(request.prompt), real=real)
    cutout, said = yield from run.stage("Cut-out", cutting)
    run.notes += said
    yield Stage(CUTOUT, cutout)
    with ExitStack() as stack:
        network, code = yield from run.stage("Shape", _encode(run, stack, cutout))
        mesh = yield from run.stage("Surface", _extract(run, network, code))
        finishing = _finish(run, network, code, mesh, cutout)
        mesh, surface = yield from run.stage("Finish", finishing)
    yield To3DResult(mesh, surface, picture, cutout, run.request, run.seconds, tuple(run.notes))


def run(
    request: To3DRequest,
    registry: "Registry",
    on_progress: Callable[[Progress], None] | None = None,
    previews: bool = False,
    picture: "Image | None" = None,
) -> To3DResult:
    """Make the mesh and return the result.

    on_progress: called with each event; raises Cancelled to stop the run there.
    The rest and what is raised: as in `stream`.
    """
    return finish(stream(request, registry, previews, picture), on_progress)


def resolve(request: To3DRequest, picture: "Image | None") -> To3DRequest:
    """The request with its picture settled.

    Raises BadRequest unless there is one thing to make, in a way that ends.
    """
    if request.texture and (request.faces or 0) > MOST_TEXTURED:
        raise BadRequest(
            f"A texture goes with at most {MOST_TEXTURED:,} faces, not {request.faces:,}; ask for "
            "fewer, or for no texture: the colours of so many vertices are as sharp."
        )
    if picture is not None:
        if request.prompt:
            raise BadRequest("There are both a prompt and a picture; leave one of them out.")
        # Nothing is drawn in the style.
        return request.model_copy(update={"parent": digest(picture), "style": None})
    if not request.prompt:
        raise BadRequest(
            "This was made of a picture that is not here; add it."
            if request.parent
            else "There is neither a prompt nor a picture; write what to make, or add a picture."
        )
    return request


def drawing_of(request: To3DRequest, family: "Family", model: "SolidModel") -> TextToImageRequest:
    """What draws the picture: as the model wants it of such a family, else as the family does."""
    usual, wanted = {}, model.drawing
    if wanted and wanted.prediction_type == family.prediction_type:
        usual = {"steps": wanted.steps, "guidance_scale": wanted.guidance_scale}
    asked = request.model_dump(include={"prompt", "family", "style", "seed"})
    return TextToImageRequest(**asked, **usual)


def _refuse_too_large(request: To3DRequest, registry: "Registry") -> None:
    from perflow_demo.geometry.isosurface import working_bytes

    needed, room = working_bytes(request.resolution), registry.main_room()
    if needed <= room:
        return
    smaller = (size for size in (512, 256, 128, 64, 32) if size < request.resolution)
    fits = [size for size in smaller if working_bytes(size) <= room]
    advice = f"use at most {fits[0]}" if fits else "raise PERFLOW_MEMORY_BUDGET"
    raise OutOfMemory(
        f"A resolution of {request.resolution} needs about {needed / 1e6:.0f} MB and "
        f"{room / 1e6:.0f} MB are free; {advice}."
    )


def _draw(
    run: _Run, drawing: TextToImageRequest, previews: bool
) -> Generator[Progress, None, "Image"]:
    drawn = yield from text_to_image.shown(drawing, run.registry, previews)
    run.notes += drawn.notes
    picture = drawn.pictures[0]
    found = {"seed": drawn.seeds[0], "parent": digest(picture), "source": drawn.recipe(0)}
    run.request = run.request.model_copy(update=found)
    return picture


def _encode(run: _Run, stack: ExitStack, cutout: "Image") -> Generator:
    """Return the network, lent until `stack` closes, and the triplane of the cut-out."""
    registry = stack.enter_context(run.registry.lane())
    network = yield from lease(stack, partial(registry.lease_solid, run.request.model))
    import numpy as np
    import torch

    try:
        image = network.prepare(np.asarray(cutout), run.request.ratio)
    except ValueError as error:
        raise BadRequest(
            f"No object can be made out in the picture: {error}; use a larger one."
        ) from error
    with torch.inference_mode():
        return network, registry.with_room(partial(network.scene_codes, image))[0]


def _extract(run: _Run, network, code) -> Generator[Phase, None, "Mesh"]:
    number = STAGES.index("Surface") + 1

    def work(tell: Callable[[Phase], None]) -> "Mesh":
        return network.extract_mesh(
            code,
            run.request.resolution,
            DENSITY,
            closed=True,
            smooth=True,
            colors=False,
            progress=lambda share: tell(Phase("Surface", number, len(STAGES), share)),
        )

    mesh = yield from told(work)
    if mesh.empty:
        raise NothingSolid(
            "The network saw nothing solid in the picture; use one of a single whole object, or "
            "another seed."
        )
    return mesh


def _finish(
    run: _Run, network, code, mesh: "Mesh", cutout: "Image"
) -> Generator[Phase, None, tuple["Mesh", "Mesh"]]:
    """Return the mesh cared for, upright and coloured, and the same before it was cut open."""
    from perflow_demo.geometry import mesh as care
    from perflow_demo.geometry import unwrap

    request, number = run.request, STAGES.index("Finish") + 1
    faces = request.faces or (TEXTURED_FACES if request.texture else None)
    surface = care.finished(mesh, faces, 1 if request.print_ready else None)
    if surface.empty:
        raise NothingSolid(f"So many parts cannot be made of {faces:,} faces; ask for more.")
    if request.print_ready and not surface.watertight:
        run.notes.append("The mesh is not watertight; ask for more faces, or another resolution.")
    yield Phase("Finish", number, len(STAGES), 0.2)
    colors = network.colors_at(code, surface.vertices)
    surface = care.upright(replace(surface, colors=colors))
    paint = _painter(run, network, surface, cutout)
    surface = replace(surface, colors=paint(surface.vertices, colors))
    if not request.texture:
        return surface, surface
    yield Phase("Finish", number, len(STAGES), 0.4)
    mesh = unwrap.unwrap(surface)
    yield Phase("Finish", number, len(STAGES), 0.6)

    def colours(places: "np.ndarray") -> "np.ndarray":
        return paint(places, network.colors_at(code, care.tsr_points(places)))

    return unwrap.bake(mesh, colours), surface


def _painter(
    run: _Run, network, surface: "Mesh", cutout: "Image"
) -> "Callable[[np.ndarray, np.ndarray], np.ndarray]":
    """Places on the upright surface and the network's colours there → the colours they get."""
    request = run.request
    if not request.details:
        return _unpainted
    import numpy as np

    from perflow_demo.geometry.projection import Lens, project

    framed = network.framed(np.asarray(cutout), request.ratio)
    shown = project(surface, framed, Lens(*solid_model(request.model).lens))
    if shown is None:
        run.notes.append("The mesh's outline is not the picture's, so its details are left out.")
        return _unpainted
    return shown.paint


def _unpainted(places: "np.ndarray", colours: "np.ndarray") -> "np.ndarray":
    return colours
