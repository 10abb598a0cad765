"""A prompt or a picture becomes a mesh: the request, its result, and the run between them."""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from perflow_demo.errors import BadRequest, OutOfMemory
from perflow_demo.registry.stock import solid_model
from perflow_demo.tasks import foreground, libraries, meshing, text_to_image
from perflow_demo.tasks.contract import (
    CUTOUT,
    PICTURE,
    Progress,
    Request,
    Stage,
    finish,
)
from perflow_demo.tasks.meshing import TEXTURED_FACES, Run
from perflow_demo.tasks.picture import digest
from perflow_demo.tasks.text_to_image import MAX_SEED, RANDOM, TextToImageRequest

if TYPE_CHECKING:
    from PIL.Image import Image

    from perflow_demo.geometry.mesh import Mesh
    from perflow_demo.models.spec import Family, SolidModel
    from perflow_demo.registry import Registry

MOST_TEXTURED = 100_000  # more are laid flat for minutes, and have a few texels each


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
    run = Run(resolve(request, picture).model_copy(update=settled), registry)
    yield from libraries.loaded()
    registry.foresee(model)
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
        network, code = yield from run.stage("Shape", meshing.encode(run, stack, cutout))
        mesh = yield from run.stage("Surface", meshing.extract(run, network, code))
        finishing = meshing.finished(run, network, code, mesh, cutout)
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
    run: Run, drawing: TextToImageRequest, previews: bool
) -> Generator[Progress, None, "Image"]:
    drawn = yield from text_to_image.shown(drawing, run.registry, previews)
    run.notes += drawn.notes
    picture = drawn.pictures[0]
    found = {"seed": drawn.seeds[0], "parent": digest(picture), "source": drawn.recipe(0)}
    run.request = run.request.model_copy(update=found)
    return picture
