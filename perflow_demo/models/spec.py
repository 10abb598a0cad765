"""What a model family is made of, as plain data; builds nothing."""

from dataclasses import dataclass

# Time, 1 being noise, at which a picture larger than the family's native size goes on in its own:
# what is where is decided before, detail after. Training and drawing keep to the same.
GROWN = 0.5


@dataclass(frozen=True)
class Component:
    """One part of a family, loaded and kept by itself.

    title: what the user reads while it loads.
    config, weights: its files, named from the family's folder; None where it has no such file.
    more: files that are read along with them.
    """

    title: str
    config: str | None = None
    weights: str | None = None
    more: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """All its files."""
        return tuple(name for name in (self.config, self.weights, *self.more) if name)


@dataclass(frozen=True)
class Repository:
    """Where published files lie: `org/name` on the hub or below the mirror folder.

    revision: a commit, tag or branch. variant: the word before the ending of the weights' names.
    """

    name: str
    revision: str = "main"
    variant: str | None = None


@dataclass(frozen=True)
class Style:
    """A fine-tune of a family's UNet, kept as its difference to the base."""

    name: str
    title: str
    description: str
    component: Component


@dataclass(frozen=True)
class Defaults:
    """What a run uses unless the user says otherwise; teacher_steps is for runs without ΔW.

    fidelity: of a refinement, as in `tasks.fidelity`. variety: of views, as in
    `tasks.multiview_sampling.noise`.
    """

    steps: int
    teacher_steps: int
    guidance_scale: float
    size: int
    negative_prompt: str = ""
    fidelity: float = 0.0
    variety: float = 1.0

    def steps_of(self, acceleration: str) -> int:
        """The steps of a run that is accelerated by "perflow", or of the plain "teacher"."""
        return self.steps if acceleration == "perflow" else self.teacher_steps


@dataclass(frozen=True)
class Family:
    """A text-to-image model with its ΔW and styles, all sharing text encoder and autoencoder.

    folder: the family's folder below the assets folder.
    delta: None where ΔW is in the UNet already, which then has no plain teacher.
    prediction_type, num_time_windows: how the PeRFlow scheduler reads the accelerated UNet.
    sizes: side lengths in pixels that a picture may have.
    native_size: the largest of them that is drawn from noise on; larger ones begin in it. None
    where all are.
    max_count: pictures in one request.
    repository, delta_repository: where files are published; None for those in the family's folder.
    tokenizer_2, text_encoder_2: SDXL's second reader of the prompt.
    prompt_prefix: words its authors put before a prompt; offered, never added unasked.
    vocabulary: a file of all words that it learnt, one a line; None where they are most of a
    language's.
    refiner, multiview, solid: names of the models that go on from its pictures; None where nothing
    does.
    download_bytes, memory_bytes: about what a first use fetches and what then stays on the device
    in half precision; 0 for a family that ships with the program.
    words_bytes: of memory_bytes, what only reads the prompt and need not be there while it draws.
    gpu_seconds: the most that a run may take of a GPU that is lent for it, loading included.
    """

    name: str
    title: str
    description: str
    licence: str
    folder: str
    tokenizer: Component
    text_encoder: Component
    vae: Component
    unet: Component
    delta: Component | None
    scheduler: Component
    styles: tuple[Style, ...]
    defaults: Defaults
    sizes: tuple[int, ...]
    max_count: int
    native_size: int | None = None
    prediction_type: str = "diff_eps"
    num_time_windows: int = 4
    repository: Repository | None = None
    delta_repository: Repository | None = None
    tokenizer_2: Component | None = None
    text_encoder_2: Component | None = None
    prompt_prefix: str = ""
    vocabulary: str | None = None
    refiner: str | None = "pocket"
    multiview: str = "pocket"
    solid: str = "pocket"
    download_bytes: int = 0
    memory_bytes: int = 0
    words_bytes: int = 0
    gpu_seconds: int = 60

    @property
    def owner(self) -> str:
        """Whose files these are: families of one repository share what they keep resident."""
        return self.repository.name if self.repository else self.name

    @property
    def components(self) -> tuple[Component, ...]:
        """All that a run needs of its folder, ΔW and styles aside."""
        words = (self.tokenizer, self.text_encoder, self.tokenizer_2, self.text_encoder_2)
        return tuple(part for part in (*words, self.vae, self.unet, self.scheduler) if part)

    def style(self, name: str) -> Style | None:
        """The style of that name, or None where the family has none."""
        return next((style for style in self.styles if style.name == name), None)


@dataclass(frozen=True)
class ForegroundModel:
    """A network that tells a picture's things from what they stand before.

    size: side in pixels of the squares it was trained on. Other fields as in `Family`.
    """

    name: str
    title: str
    description: str
    licence: str
    folder: str
    network: Component
    size: int
    repository: Repository | None = None
    gpu_seconds: int = 60

    @property
    def components(self) -> tuple[Component, ...]:
        """All that a run needs of its folder."""
        return (self.network,)


@dataclass(frozen=True)
class SafetyModel:
    """A network that tells pictures unfit for strangers; fields as in `Family`."""

    name: str
    title: str
    description: str
    licence: str
    folder: str
    network: Component
    image_processor: Component
    repository: Repository
    download_bytes: int
    memory_bytes: int
    gpu_seconds: int = 60

    @property
    def components(self) -> tuple[Component, ...]:
        """All that a run needs of its folder."""
        return self.network, self.image_processor


@dataclass(frozen=True)
class Refiner:
    """A ControlNet-tile, which refines pictures with a text-to-image family's other parts.

    controlnet: may lie in a folder of its own. defaults: its size is the
    short side in pixels that pictures are brought to. prompt: used where nothing is said.
    tile: side in pixels of the squares that large pictures are worked on in.
    Other fields as in `Family`.
    """

    name: str
    title: str
    description: str
    licence: str
    folder: str
    controlnet: Component
    defaults: Defaults
    prompt: str = ""
    tile: int = 1024
    repository: Repository | None = None
    download_bytes: int = 0
    memory_bytes: int = 0
    gpu_seconds: int = 60

    @property
    def owner(self) -> str:
        """As in `Family`."""
        return self.repository.name if self.repository else self.name

    @property
    def components(self) -> tuple[Component, ...]:
        """All that a run needs of its folder."""
        return (self.controlnet,)


@dataclass(frozen=True)
class Drawing:
    """How pictures are drawn of which something else is made.

    prediction_type: of the families that draw them so; all others draw as they always do.
    """

    prediction_type: str
    steps: int
    guidance_scale: float


@dataclass(frozen=True)
class SolidModel:
    """A network that makes a triplane of one picture, from which a mesh is extracted.

    lens: distance and half_height of the camera that its pictures are taken with, as in
    `geometry.projection.Lens`.
    checkpoint: the pickle that its weights may come as instead, converted once; None for none.
    drawing: how its authors' pictures were drawn, if they said so.
    resolution: samples of its field along each axis, beyond which its meshes look no finer.
    Other fields as in `Family`.
    """

    name: str
    title: str
    description: str
    licence: str
    folder: str
    network: Component
    lens: tuple[float, float]
    checkpoint: str | None = None
    drawing: Drawing | None = None
    resolution: int = 256
    repository: Repository | None = None
    download_bytes: int = 0
    memory_bytes: int = 0
    gpu_seconds: int = 60

    @property
    def components(self) -> tuple[Component, ...]:
        """All that a run needs of its folder."""
        return (self.network,)


@dataclass(frozen=True)
class MultiviewFamily:
    """A model that draws an object's six views, normals and colours, from one picture of it.

    image_encoder: makes the tokens of cross-attention, a CLIP vision tower where there is an
    image_processor to prepare pictures for it, else a network that reads the picture's latents.
    delta: ΔW of the text-to-image base, or None where there is none to plug in.
    foreground: name of the model that cuts the object out of its picture, where rembg does not.
    cleared: whether it also clears the white around the views, where small networks leave haze.
    Other fields as in `Family`.
    """

    name: str
    title: str
    description: str
    licence: str
    folder: str
    image_encoder: Component
    image_processor: Component | None
    vae: Component
    unet: Component
    scheduler: Component
    defaults: Defaults
    delta: Component | None = None
    foreground: str = "pocket"
    cleared: bool = False
    prediction_type: str = "diff_eps"
    num_time_windows: int = 4
    repository: Repository | None = None
    delta_repository: Repository | None = None
    download_bytes: int = 0
    memory_bytes: int = 0
    gpu_seconds: int = 60

    @property
    def owner(self) -> str:
        """As in `Family`."""
        return self.repository.name if self.repository else self.name

    @property
    def components(self) -> tuple[Component, ...]:
        """All that a run needs of its folder, ΔW aside."""
        parts = (self.image_encoder, self.image_processor, self.vae, self.unet, self.scheduler)
        return tuple(part for part in parts if part)


# A row of the catalogue.
Model = Family | ForegroundModel | MultiviewFamily | Refiner | SafetyModel | SolidModel
