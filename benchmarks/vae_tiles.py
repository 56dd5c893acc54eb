"""Peak memory, time and error of a VAE round trip (encode, then decode): untiled, our tiles, diffusers' tiles.

    python benchmarks/vae_tiles.py [--size 2048] [--tile 512] [--width 32] [--threads 1] [--device cpu]

Each contender runs in a process of its own, over the same random weights and the same picture. Memory is what the
process grew by at its largest (on a GPU: what torch had allocated), time is CPU time (on a GPU: wall time), error is
against the untiled result. WIDTH is the number of channels at full size; 128 is Stable Diffusion's.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import psutil
import torch
from report import Section

from redraw.models.architecture import VaeShape
from redraw.models.networks import build_vae, fill
from redraw.models.vae_tiles import decode_tiled, encode_tiled

UNTILED: Final = "untiled"
OURS: Final = "Redraw's tiles"
PEER: Final = "diffusers' tiles"


def main() -> None:
    """Run the contenders one after the other and print the table; or be one of them."""
    options = arguments()
    torch.set_num_threads(options.threads)
    if options.contender:
        print(json.dumps(contend(options)))
        return
    with tempfile.TemporaryDirectory() as folder:
        seen = {name: child(name, Path(folder), options) for name in (UNTILED, OURS, PEER)}
        print(section(seen, Path(folder), options).markdown())


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Compare VAE tiles with whole pictures and with diffusers' tiles.")
    parser.add_argument("--size", type=int, default=2048, help="side of the picture, default 2048")
    parser.add_argument("--tile", type=int, default=512, help="side of a tile, default 512")
    parser.add_argument("--width", type=int, default=32, help="channels at full size, default 32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def child(name: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Run one contender in a process of its own and return what it measured."""
    given = [f"--{key}={getattr(options, key)}" for key in ("size", "tile", "width", "threads", "device")]
    command = [sys.executable, __file__, *given, f"--contender={name}", f"--out={folder / name}"]
    environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{name}: {measured}", file=sys.stderr, flush=True)
    return measured


@torch.inference_mode()
def contend(options: argparse.Namespace) -> dict[str, Any]:
    """Make the round trip once, after a small one that wakes every weight; keep latent and picture."""
    vae = network(options)
    image = picture(options.size).to(options.device)
    round_trip(vae, image[..., :64, :64], "", options.tile)
    process, cuda = psutil.Process(), options.device != "cpu"
    before = torch.cuda.memory_allocated() if cuda else process.memory_info().rss
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    out, seconds, peaks = [image], [], []
    for call in (encode, decode):
        begun = time.perf_counter() if cuda else time.process_time()
        out.append(call(vae, out[-1], options.contender, options.tile))
        if cuda:
            torch.cuda.synchronize()
        seconds.append((time.perf_counter() if cuda else time.process_time()) - begun)
        resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        peaks.append((torch.cuda.max_memory_allocated() if cuda else resident) - before)
    torch.save([result.cpu() for result in out[1:]], options.out)
    return {"seconds": seconds, "bytes": peaks}


def round_trip(vae: Any, image: torch.Tensor, name: str, tile: int) -> torch.Tensor:
    """Return the picture that comes back."""
    return decode(vae, encode(vae, image, name, tile), name, tile)


def encode(vae: Any, image: torch.Tensor, name: str, tile: int) -> torch.Tensor:
    """Return the posterior's mean."""
    if name == OURS:
        return encode_tiled(vae, image, tile)
    _peer(vae, name, tile)
    mean: torch.Tensor = vae.encode(image, return_dict=False)[0].mean
    return mean


def decode(vae: Any, latent: torch.Tensor, name: str, tile: int) -> torch.Tensor:
    """Return the picture."""
    if name == OURS:
        return decode_tiled(vae, latent, tile)
    _peer(vae, name, tile)
    made: torch.Tensor = vae.decode(latent, return_dict=False)[0]
    return made


def _peer(vae: Any, name: str, tile: int) -> None:
    if name == PEER:
        vae.enable_tiling()
        vae.tile_sample_min_size, vae.tile_latent_min_size = tile, tile // 8


def network(options: argparse.Namespace) -> Any:
    """Return a VAE with random weights of Stable Diffusion's depth."""
    width, generator = options.width, torch.Generator().manual_seed(15)
    vae = build_vae(VaeShape((width, 2 * width, 4 * width, 4 * width), 2, 4))
    state = {
        name: torch.full(tensor.shape, float(name.endswith("weight")))
        if tensor.ndim == 1
        else torch.randn(tensor.shape, generator=generator) * tensor[0].numel() ** -0.5
        for name, tensor in vae.state_dict().items()
    }
    fill(vae, state, "the VAE")
    layout = torch.channels_last if options.device == "cpu" else torch.contiguous_format
    torch.nn.Module.to(vae, torch.device(options.device), memory_format=layout)  # type: ignore[call-overload]
    return vae


def picture(size: int) -> torch.Tensor:
    """Return a picture `[1, 3, size, size]` that is flat and dark on the left, rough and bright on the right."""
    generator = torch.Generator().manual_seed(1)
    rough = torch.randn(1, 3, size, size, generator=generator) * torch.linspace(0, 0.6, size)
    return (rough + torch.linspace(-0.9, 0.8, size)).clamp(-1, 1)


def section(seen: dict[str, dict[str, Any]], folder: Path, options: argparse.Namespace) -> Section:
    """Return the table of ratios."""
    what = f"{options.size} x {options.size}, tiles of {options.tile}, {options.width} channels at full size"
    out = Section(
        "vae_tiles",
        f"VAE round trip, {what}",
        ["path", "peak MiB", "memory", "encode s", "decode s", "time", "latent error", "mean levels", "max levels"],
    )
    truth = torch.load(folder / UNTILED)
    whole = seen[UNTILED]
    for name, one in seen.items():
        latent, made = torch.load(folder / name)
        levels = (made - truth[1]).abs() * 127.5
        error = float((latent - truth[0]).norm() / truth[0].norm())
        memory, taken = max(one["bytes"]), sum(one["seconds"])
        ratios = (f"{memory / max(whole['bytes']):.2f}x", f"{taken / sum(whole['seconds']):.2f}x")
        figures = (error, float(levels.mean()), float(levels.max()))
        out.rows.append([name, memory / 2**20, ratios[0], *one["seconds"], ratios[1], *figures])
    clock = "CPU" if options.device == "cpu" else "wall"
    out.notes.append(
        f"fp32, {options.threads} thread(s), {clock} time, one run each; memory is what was added to weights and "
        "program; memory and time are ratios to untiled; latent error is relative L2; a level is 1/255 of the range"
    )
    return out


if __name__ == "__main__":
    main()
