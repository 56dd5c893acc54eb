"""The last used models stay loaded, as many as fit; what does not fit is refused before it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch

from redraw.errors import OutOfMemory
from redraw.models.catalog import Catalog
from redraw.models.facts import Facts
from redraw.models.kept import Kept, Needs, needs_of
from redraw.models.loader import load_model
from redraw.models.model import Model, Saving

CPU, GPU = torch.device("cpu"), torch.device("cuda")
MB = 1_000_000


class Machine:
    """Memory that models of this many bytes are in."""

    def __init__(self, ram: int, card: int = 0) -> None:
        self.ram, self.card = ram, card
        self.models: list[Stub] = []

    def free(self, device: torch.device) -> int:
        """What is left."""
        if device.type == "cpu":
            return self.ram - sum(m.size for m in self.models if m.alive and m.parked)
        return self.card - sum(m.size for m in self.models if m.alive and not m.parked)


class Stub:
    """Stands for a model that takes part in this."""

    def __init__(self, machine: Machine, name: str, size: int, device: torch.device, saving: str = "auto") -> None:
        self.name, self.size, self.device, self.saving = name, size, device, saving
        self.parked, self.alive = device.type == "cpu", True
        self.notes: list[str] = []
        machine.models.append(self)

    def offload(self, on: bool) -> bool:
        """Move to the machine's memory, or back."""
        changed = self.device.type != "cpu" and on != self.parked
        self.parked = on if self.device.type != "cpu" else True
        return changed


class Shelf:
    """A store of stubs on a machine of some size."""

    def __init__(self, limit: int, ram: int, card: int = 0, on_device: int = 1) -> None:
        self.machine = Machine(ram, card)
        self.kept = Kept(limit, on_device, self.free)
        self.loads: list[str] = []

    def free(self, device: torch.device) -> int:
        """What is free, once models nobody has are gone."""
        held = {id(m) for m in self.kept._models.values()}
        for model in self.machine.models:
            model.alive = id(model) in held
        return self.machine.free(device)

    def get(self, name: str, size: int = 10, device: torch.device = CPU, beside: Any = None) -> Stub:
        """Ask for a model of this size, two thirds of it the UNet."""

        def load(saving: Saving) -> Model:
            self.loads.append(name)
            model = Stub(self.machine, name, size, device, saving)
            model.parked = model.parked or saving != "auto"
            return cast(Model, model)

        unet = size * 2 // 3
        needs = Needs(name, device, torch.float32, unet=unet, vae=size - unet)
        return cast(Stub, self.kept.get(name, needs, load, beside))


def test_the_last_used_stay_and_the_one_unused_for_longest_goes() -> None:
    shelf = Shelf(2, 1000)
    for name in ("a", "b", "a", "c", "a", "b"):
        shelf.get(name)
    assert shelf.loads == ["a", "b", "c", "b"], "a was used in between, so b went for c"
    assert len(shelf.kept) == 2
    shelf.kept.clear()
    assert len(shelf.kept) == 0


def test_one_is_kept_by_default_and_goes_before_the_next_is_read() -> None:
    shelf = Shelf(1, 15)
    shelf.get("a")
    assert shelf.get("b").name == "b", "there is room for one only"
    assert len(shelf.kept) == 1


def test_others_go_before_one_is_refused() -> None:
    shelf = Shelf(5, 35)
    for name in "abc":
        shelf.get(name)
    shelf.get("d", 20)
    assert [m.name for m in shelf.machine.models if m.alive] == ["c", "d"]


def test_what_does_not_fit_is_refused_before_it_is_read() -> None:
    kept = Kept(3, free=lambda device: 50 * MB)
    needs = Needs("big", CPU, torch.float32, unet=40 * MB, text=20 * MB)
    with pytest.raises(OutOfMemory, match="big needs 60 MB of memory and 50 MB are free; --dtype bf16 halves that"):
        kept.get("big", needs, lambda saving: pytest.fail("it was read"))
    small = Needs("big", CPU, torch.bfloat16, unet=60 * MB)
    with pytest.raises(OutOfMemory, match="are free; close other programs"):
        kept.get("big", small, lambda saving: pytest.fail("it was read"))


def test_the_model_of_a_run_stays_beside_its_refiner() -> None:
    shelf = Shelf(1, 1000)
    for _ in range(3):
        model = shelf.get("base")
        refiner = shelf.get("refiner", beside=model)
        assert (model.alive, refiner.alive) == (True, True)
    assert shelf.loads == ["base", "refiner"]
    shelf.get("another")
    assert len(shelf.kept) == 1


def test_on_a_graphics_card_others_wait_in_the_machines_memory() -> None:
    shelf = Shelf(3, 1000, 25)
    a, b = shelf.get("a", device=GPU), shelf.get("b", device=GPU)
    assert (a.parked, b.parked) == (True, False)
    assert shelf.get("a", device=GPU) is a
    assert (a.parked, b.parked) == (False, True)
    assert shelf.loads == ["a", "b"]
    more = Shelf(3, 1000, 25, on_device=2)
    a, b, c = (more.get(name, device=GPU) for name in "abc")
    assert (a.parked, b.parked, c.parked) == (True, False, False)


def test_a_model_larger_than_the_card_takes_turns_if_its_networks_fit() -> None:
    shelf = Shelf(2, 1000, 8)
    model = shelf.get("a", 10, GPU)
    assert (model.saving, model.parked) == ("medvram", True)
    assert any("too small" in note for note in model.notes)
    with pytest.raises(OutOfMemory, match="needs 0 MB on cuda"):
        shelf.get("b", 30, GPU)


def test_a_card_with_room_is_no_help_where_the_machine_has_none() -> None:
    kept = Kept(free=lambda device: 10 * MB if device.type == "cpu" else 50 * MB)
    needs = Needs("a", GPU, torch.float16, unet=30 * MB, text=30 * MB)
    with pytest.raises(OutOfMemory, match="a needs 60 MB of memory and 10 MB are free"):
        kept.get("a", needs, lambda saving: pytest.fail("it was read"))


def test_needs_are_counted_by_network_and_number_format() -> None:
    facts = Facts(items={"unet": 10, "vae": 4, "text": 6, "other": 99})
    needs = needs_of("a", facts, CPU, torch.bfloat16)
    assert (needs.unet, needs.vae, needs.text) == (20, 8, 24), "a CPU's text encoder is fp32"
    assert (needs.total, needs.largest) == (52, 24)
    needs = needs_of("a", facts, GPU, torch.float16, vae=Facts(items={"other": 7}))
    assert (needs.unet, needs.vae, needs.text) == (20, 14, 12)


def test_what_is_counted_is_what_the_networks_take(tiny_checkpoint: Path) -> None:
    facts = Catalog([], starter=False).facts_of(tiny_checkpoint)
    needs = needs_of("tiny", facts, CPU, torch.float32)
    model = load_model(tiny_checkpoint)
    for part, counted in (("unet", needs.unet), ("vae", needs.vae), ("text_encoder", needs.text)):
        taken = sum(p.numel() * p.element_size() for p in getattr(model, part).parameters())
        assert counted == pytest.approx(taken, rel=0.02), part


def test_a_model_that_saves_memory_never_goes_to_the_device_whole(tiny_checkpoint: Path) -> None:
    model = load_model(tiny_checkpoint)
    model.save_memory("medvram")
    model.to("meta", torch.float16)
    assert model.device.type == "meta"
    assert {p.device.type for p in model.unet.parameters()} == {"cpu"}
