"""Several processes, one model: each has its own batch and one thread, and their gradients are averaged.

On networks this small, threads inside an operator bring nothing: waking them costs what they save.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import distributed, multiprocessing, nn


class Team:
    """The processes of one training run, as one of them sees it.

    Attributes:
        rank: this process, 0 the first.
        size: how many there are.
    """

    def __init__(self, rank: int, size: int, meeting: Path) -> None:
        self.rank, self.size = rank, size
        torch.set_num_threads(1)
        if size > 1:
            distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)

    def share(self, parameters: Iterable[nn.Parameter], elapsed: float) -> float:
        """Average all gradients over the team, and return the average of `elapsed` (seconds), equal for all."""
        if self.size == 1:
            return elapsed
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients] + [torch.tensor([elapsed])])
        distributed.all_reduce(flat)
        flat /= self.size
        at = 0
        for gradient in gradients:
            gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
            at += gradient.numel()
        return float(flat[-1])


def _work(rank: int, train: Callable[[argparse.Namespace, Team], None], options: argparse.Namespace) -> None:
    train(options, Team(rank, options.workers, (options.build / "team").absolute()))


def start(train: Callable[[argparse.Namespace, Team], None], options: argparse.Namespace) -> None:
    """Call `train(options, team)` in `options.workers` processes; they meet through a file in `options.build`."""
    (options.build / "team").unlink(missing_ok=True)
    if options.workers == 1:
        _work(0, train, options)
    else:
        multiprocessing.spawn(_work, (train, options), nprocs=options.workers)  # type: ignore[attr-defined,no-untyped-call]
