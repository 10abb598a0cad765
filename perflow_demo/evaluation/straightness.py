"""How straight the flow is: from equal noise, how far few calls end from the teacher's hundred."""

from collections.abc import Sequence

from perflow_demo.evaluation.drawing import Studio, ddim, perflow
from perflow_demo.evaluation.metrics import relative_distance
from perflow_demo.evaluation.prompts import Prompt
from perflow_demo.evaluation.report import Report, Row

CALLS = (1, 2, 4, 8)
REFERENCE_CALLS = 100


def measure(studio: Studio, prompts: Sequence[Prompt], size: int) -> Report:
    """Two tables, with the published guidance and without any; one row a number of calls.

    ddim, perflow: RMS distance of the latents to those of 100 DDIM calls of the teacher without
    ΔW, over the RMS of the latter. ratio: perflow / ddim; below 1 where PeRFlow is nearer.
    """
    tables = {}
    for guidance_scale in (studio.guidance_scale, 1.0):
        reference = studio.latents(prompts, ddim(REFERENCE_CALLS), size, guidance_scale)
        rows: list[Row] = []
        for calls in CALLS:
            few = {"ddim": ddim(calls), "perflow": perflow(calls)}
            distances = {
                name: relative_distance(
                    studio.latents(prompts, sampler, size, guidance_scale), reference
                )
                for name, sampler in few.items()
            }
            ratio = distances["perflow"] / distances["ddim"] if distances["ddim"] else None
            rows.append(
                {"calls": calls, "windows": few["perflow"].windows, **distances, "ratio": ratio}
            )
        tables[f"straightness at {size} px, guidance {guidance_scale:g}"] = rows
    return Report(tables)
