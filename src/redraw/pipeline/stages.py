"""The stages of a run, each usable by itself: plan, sample latents, decode them; texts are read by `texts.Reader`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from redraw.errors import NonFinite
from redraw.geometry import Size
from redraw.models.model import Extras, Model
from redraw.pipeline.healing import memory_for
from redraw.pipeline.latents import EDIT_CHANNELS, Latents
from redraw.pipeline.networks import NOTHING, Outfit, wear
from redraw.pipeline.shots import Shot
from redraw.pipeline.texts import Conditions, Texts
from redraw.request import Generation, Img2Img
from redraw.sampling import trajectory
from redraw.sampling.denoiser import Cond, Conditioned
from redraw.sampling.guidance import Guided, Skips
from redraw.sampling.handover import Handover, Refined
from redraw.sampling.levels import NoiseLevels
from redraw.sampling.masking import Blend, Masked, SoftBlend, form_for, hard_blend
from redraw.sampling.noise import Noise, Seed
from redraw.sampling.sampler import Step
from redraw.sampling.schedulers import ScheduleOptions
from redraw.sampling.trajectory import Plan, RunOptions


def make_plan(model: Model, request: Generation) -> Plan:
    """Return what the sampler will do: its levels, its start, how many steps run."""
    levels = NoiseLevels(model.alphas_cumprod.cpu().float())
    if request.zero_terminal_snr or model.facts.zero_terminal_snr:
        levels = levels.zero_terminal_snr()
    return trajectory.plan(
        request.sampler,
        levels,
        request.steps,
        strength=float(request.strength) if isinstance(request, Img2Img) else None,
        scheduler=request.scheduler,
        exact_steps=isinstance(request, Img2Img) and request.exact_steps,
        schedule=ScheduleOptions(
            sigma_min=float(request.sigma_min) or None,
            sigma_max=float(request.sigma_max) or None,
            rho=float(request.rho) or None,
            beta_alpha=float(request.beta_alpha),
            beta_beta=float(request.beta_beta),
        ),
        discard_penultimate=request.discard_penultimate,
    )


def sample(
    model: Model,
    plan: Plan,
    request: Generation,
    shots: Sequence[Shot],
    texts: Sequence[Texts],
    latents: Latents,
    size: Size,
    *,
    together: bool = True,
    second: Second | None = None,
) -> Iterator[Step]:
    """Run the sampler over some pictures as one batch and yield each step; the last step's `x` is the result.

    Args:
        model: the networks.
        plan: from `make_plan`.
        request: the run.
        shots: the pictures of this batch.
        texts: what they listen to, of one structure.
        latents: what they start from, a row each (`latents.with_content` was applied).
        size: of the latents.
        together: evaluate the prompts of a step as one batch; needs more memory.
        second: who takes over near the end, if anybody does.

    Raises:
        NonFinite: the UNet gave NaN or infinity.
        OutOfMemory: the device has too little memory.
    """
    noise = _noise(model, request, shots, size)
    extra = {} if latents.concat is None else {"concat": latents.concat}
    guided = _guided(plan, request, Conditions(model, texts, request, size, extra), together)
    denoise: Guided | Refined = guided
    if second is not None:
        refined = Conditions(second.model, second.texts, request, size)
        denoise = Refined(guided, _guided(second.plan, request, refined, together), _handover(plan, request))
    denoiser = _masked(denoise, plan, request, latents)
    steps = trajectory.run(plan, denoiser, latents.z, noise, run_options(request))
    last: Step | None = None
    while True:
        # Inside, not around the yield: inference mode belongs to this thread, not to the caller's code.
        with torch.inference_mode(), memory_for(f"sampling {len(shots)} pictures of {size.scaled(model.factor)}"):
            last, previous = next(steps, None), last
        if last is None:
            break
        yield last
    if previous is not None and not bool(torch.isfinite(previous.x).all()):
        raise NonFinite(f"the UNet of {model.name} gave NaN; try --dtype fp32")


def run_options(request: Generation) -> RunOptions:
    """Return what the sampler may be told, from the request's fields."""
    redraws = request if isinstance(request, Img2Img) else None
    return RunOptions(
        eta=None if request.eta is None else float(request.eta),
        s_churn=float(request.s_churn),
        s_tmin=float(request.s_tmin),
        s_tmax=float(request.s_tmax),
        s_noise=float(request.s_noise),
        unipc_variant=request.unipc_variant,
        unipc_skip=request.unipc_skip_type,
        unipc_order=request.unipc_order,
        unipc_lower_order_final=request.unipc_lower_order_final,
        noise_multiplier=float(redraws.noise_multiplier) if redraws else 1.0,
        extra_noise=float(redraws.extra_noise) if redraws else 0.0,
        sgm_noise=request.sgm_noise,
    )


def _noise(model: Model, request: Generation, shots: Sequence[Shot], size: Size) -> Noise:
    resize = request.seed_resize_from
    seeds = [
        Seed(
            seed=shot.seed,
            variation=shot.variation_seed,
            variation_strength=float(request.variation_strength),
            resize_from=(resize[1] // 8, resize[0] // 8) if resize else None,
            offset=request.ensd,
        )
        for shot in shots
    ]
    shape = (model.latent_channels, size.height, size.width)
    return Noise.from_seeds(shape, seeds, source=request.rng, device=model.device)


@dataclass(frozen=True, eq=False)
class Second:
    """A model that takes over near the end.

    Attributes:
        model: the refiner.
        plan: what the sampler would do with it alone; only its levels count.
        texts: what the pictures listen to, read by this model.
    """

    model: Model
    plan: Plan
    texts: Sequence[Texts]


def _handover(plan: Plan, request: Generation) -> Handover:
    return Handover(
        float(request.refiner_switch_at), plan.levels, by_steps=request.refiner_by_steps, total=plan.total_evaluations
    )


def _masked(guided: Guided | Refined, plan: Plan, request: Generation, latents: Latents) -> Guided | Refined | Masked:
    """Return the denoiser that keeps what the mask leaves out; the denoiser itself where there is no mask."""
    if latents.repaint is None or latents.z is None or not isinstance(request, Img2Img):
        return guided
    blend: Blend = hard_blend
    if request.soft:
        blend = SoftBlend(float(request.soft_bias), float(request.soft_preservation), float(request.soft_contrast))
    return Masked(guided, latents.z, latents.repaint, blend, form_for(plan.sampler))


def _guided(plan: Plan, request: Generation, conditions: Conditions, together: bool) -> Guided:
    """Return the model as the denoiser of these pictures."""
    model, extra = conditions.model, conditions.extra
    alone = len(conditions.texts) == 1
    cfg = float(request.cfg_scale)
    taught = torch.tensor([cfg]) if model.takes_guidance else None  # such a UNet follows the scale by itself

    def network(x: torch.Tensor, t: torch.Tensor, cond: Cond) -> torch.Tensor:
        wide = cond.expand(x.shape[0])
        wear(model, cond.worn if isinstance(cond.worn, Outfit) else NOTHING)
        more = Extras(wide.extra.get("concat"), wide.extra.get("pooled"), wide.extra.get("sizes"), taught)
        # On a CPU all rows are prompts of one picture: they may share an evaluation, as they do in A1111.
        return model.predict(x, t, wide.text, more, together=alone)

    concat = extra.get("concat")
    edits = model.in_channels == EDIT_CHANNELS and isinstance(request, Img2Img) and concat is not None
    return Guided(
        Conditioned(network, plan.levels, model.prediction, quantize=request.quantize),
        positive=conditions.positive,
        negative=conditions.negative,
        scale=(cfg if taught is None else 1.0) * plan.sampler.cfg_factor,
        together=together,
        image_scale=_image_scale(request) if edits else None,
        blank=conditions.blank if edits else None,
        needs_uncond=plan.sampler.needs_uncond,
        skips=Skips(
            ngms=float(request.ngms),
            ngms_all_steps=request.ngms_all_steps,
            early=float(request.skip_early_cfg),
            total=plan.total_evaluations,
            by_timestep=plan.sampler.family == "timestep",
        ),
    )


def _image_scale(request: Generation) -> float | None:
    scale = request.image_cfg_scale if isinstance(request, Img2Img) else None
    return None if scale is None else float(scale)


@torch.inference_mode()
def decode(model: Model, latents: torch.Tensor) -> torch.Tensor:
    """Return the picture `[b, 3, 8h, 8w]` in about [-1, 1] of latents `[b, c, h, w]`.

    Raises:
        NonFinite: the VAE gave NaN or infinity, also in fp32.
        OutOfMemory: the device has too little memory.
    """
    with memory_for(f"decoding latents of {latents.shape[-1]}x{latents.shape[-2]}"):
        return model.decode(latents)
