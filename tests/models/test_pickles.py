"""Pickled weight files are read without running anything in them."""

from __future__ import annotations

import collections
import io
import os
import pickle
import random
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from redraw.errors import ModelError, UnsafeFile
from redraw.models.checkpoint import open_checkpoint
from redraw.models.pickle_machine import Skipped
from redraw.models.pickles import read_tree
from redraw.models.tensors import TensorSpec


class _Call:
    """Pickles as a call of `function`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.function, self.arguments


def _zipped(path: Path, pickled: bytes, compression: int = zipfile.ZIP_STORED, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", b"3\n")
        for name, content in members.items():
            archive.writestr(f"archive/data/{name.removeprefix('s')}", content)
    return path


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """A file that exists only if the attack worked."""
    return tmp_path / "executed"


def _attacks(mark: Path) -> dict[str, Any]:
    touch = f"open({str(mark)!r}, 'w').close()"
    return {
        "posix.system": _Call(os.system, f"touch {mark}"),
        "builtins.eval": _Call(eval, touch),
        "builtins.exec": _Call(exec, touch),
        "builtins.getattr": _Call(getattr, "x", "upper"),
        "io.open": _Call(open, str(mark), "w"),
        "builtins.__import__": _Call(__import__, "this"),
        "torch.serialization.load": _Call(torch.load, str(mark)),
        "torch.storage._load_from_bytes": _Call(torch.storage._load_from_bytes, b""),
        "functools.partial": _Call(__import__("functools").partial, os.system),
    }


@pytest.mark.parametrize("which", list(_attacks(Path("x"))))
@pytest.mark.parametrize("place", ["whole", "in the dictionary", "deep", "as a key"])
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_that_names_code_is_refused_and_named(
    tmp_path: Path, mark: Path, which: str, place: str, protocol: int
) -> None:
    attack = _attacks(mark)[which]
    whole = {
        "whole": attack,
        "in the dictionary": {"state_dict": {"a": attack}},
        "deep": {"a": [{"b": (1, [attack])}]},
        "as a key": {attack: 1},
    }[place]
    pickled = pickle.dumps(whole, protocol=protocol)
    for path in (_zipped(tmp_path / "bad.ckpt", pickled), tmp_path / "old.pt"):
        if path.name == "old.pt":
            path.write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) * 2 + pickled)
        with pytest.raises(UnsafeFile, match="would run code") as caught:
            open_checkpoint(path)
        assert which in str(caught.value)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("name", "pickled"),
    [
        ("INST", b"(S'touch executed'\nios\nsystem\n."),
        ("OBJ", b"(cos\nsystem\nS'touch executed'\no."),
        ("STACK_GLOBAL", b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."),
        ("EXT1", b"\x80\x02\x82\x01."),
        ("PERSID", b"Pevil\n."),
        ("NEXT_BUFFER", b"\x80\x05\x97."),
    ],
)
def test_every_instruction_that_could_run_code_is_refused(tmp_path: Path, name: str, pickled: bytes) -> None:
    with pytest.raises(UnsafeFile, match="would run code"):
        open_checkpoint(_zipped(tmp_path / "bad.pt", pickled))


@pytest.mark.parametrize(
    "pickled",
    [
        b"\x80\x02.",
        b"\x80\x020.",
        b"\x80\x02}\x86.",
        b"\x80\x02h\x05.",
        b"\x80\x02}(K\x01u.",
        b"\x80\x02]K\x01K\x02s.",
        b"\x80\x02K\x01K\x02a.",
        b"\x80\x02t.",
        b"\x80\x02(((((.",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x80\x02}" + b"(K\x01" * 1000,
        b"",
        b"garbage that is no pickle",
    ],
)
def test_a_nonsense_pickle_is_a_damaged_file(tmp_path: Path, pickled: bytes) -> None:
    with pytest.raises(ModelError):
        open_checkpoint(_zipped(tmp_path / "bad.pt", pickled))


def test_a_huge_memo_index_costs_nothing(tmp_path: Path) -> None:
    pickled = b"\x80\x02}r" + struct.pack("<I", 0x7FFFFFFF) + b"."
    assert len(open_checkpoint(_zipped(tmp_path / "memo.pt", pickled))) == 0


def test_compressed_entries_are_refused_as_a_possible_bomb(tmp_path: Path) -> None:
    bomb = _zipped(tmp_path / "bomb.pt", b"\x80\x02}.", zipfile.ZIP_DEFLATED, s0=bytes(50_000_000))
    assert bomb.stat().st_size < 100_000
    with pytest.raises(UnsafeFile, match="compressed"):
        open_checkpoint(bomb)


def _tensor_file(path: Path, **changed: Any) -> Path:
    """A torch file with one tensor whose description may lie."""
    says = {"items": 4, "offset": 0, "shape": (2, 2), "stride": (2, 1), "key": "0", "bytes": 16, **changed}
    torch.save({"a": torch.arange(4.0).view(2, 2)}, path)
    with zipfile.ZipFile(path) as archive:
        root = archive.namelist()[0].split("/")[0]
    buffer = io.BytesIO()

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: Any) -> Any:
            if isinstance(value, _Storage):
                return ("storage", torch.FloatStorage, says["key"], "cpu", says["items"])
            return None

    class _Storage:
        pass

    rebuild = _Call(
        torch._utils._rebuild_tensor_v2, _Storage(), says["offset"], says["shape"], says["stride"], False, {}
    )
    Pickler(buffer, 2).dump({"a": rebuild})
    assert root
    return _zipped(path, buffer.getvalue(), s0=bytes(says["bytes"]))


@pytest.mark.parametrize(
    ("lie", "kind"),
    [
        ({"offset": 1}, UnsafeFile),
        ({"shape": (2**20, 2**20), "stride": (0, 0)}, UnsafeFile),
        ({"shape": (1,) * 65, "stride": (1,) * 65}, ModelError),
        ({"shape": (200, 200)}, UnsafeFile),
        ({"stride": (1000, 1)}, UnsafeFile),
        ({"items": 4000}, UnsafeFile),
        ({"bytes": 8}, UnsafeFile),
        ({"offset": -1}, ModelError),
        ({"stride": (-2, 1)}, ModelError),
        ({"shape": (2, 2.0)}, ModelError),
        ({"shape": (2,)}, ModelError),
        ({"items": 2**70}, ModelError),
        ({"key": "7"}, ModelError),
        ({"key": "../../etc/passwd"}, ModelError),
    ],
)
def test_a_tensor_that_lies_about_its_place_is_refused(
    tmp_path: Path, lie: dict[str, Any], kind: type[ModelError]
) -> None:
    assert open_checkpoint(_tensor_file(tmp_path / "honest.pt")).shape("a") == (2, 2)
    with pytest.raises(kind):
        open_checkpoint(_tensor_file(tmp_path / "liar.pt", **lie))


def test_a_small_repeated_tensor_is_what_it_is(tmp_path: Path) -> None:
    tensors = {"ones": torch.ones(1).expand(5, 3), "ids": torch.arange(77).expand(1, -1)}
    torch.save(tensors, tmp_path / "a.pt")
    checkpoint = open_checkpoint(tmp_path / "a.pt")
    assert all(torch.equal(checkpoint.tensor(k), v) for k, v in tensors.items())


def test_tensors_that_share_one_storage_until_they_are_huge_are_refused(tmp_path: Path) -> None:
    whole = torch.zeros(1_000_000)
    torch.save({f"a{i}": whole.view(1000, 1000) for i in range(3)}, tmp_path / "tied.pt")
    assert len(open_checkpoint(tmp_path / "tied.pt")) == 3
    torch.save({f"a{i}": whole.view(1000, 1000) for i in range(50)}, tmp_path / "bomb.pt")
    with pytest.raises(UnsafeFile, match="many times the size of the file"):
        open_checkpoint(tmp_path / "bomb.pt")


def test_entries_of_a_zip_that_lie_over_each_other_are_refused(tmp_path: Path) -> None:
    """The overlapping zip bomb: every entry of the directory points at one and the same storage."""
    torch.save({f"a{i}": torch.full((1_000_000,), float(i)) for i in range(40)}, tmp_path / "whole.pt")
    with zipfile.ZipFile(tmp_path / "whole.pt") as archive:
        pickled = archive.read("whole/data.pkl")
    path = _zipped(tmp_path / "bomb.pt", pickled, s0=bytes(4_000_000))
    raw = path.read_bytes()
    at, end = raw.index(b"PK\x01\x02"), raw.rindex(b"PK\x05\x06")
    entries = raw[at:end]
    one = entries[entries.rindex(b"PK\x01\x02") :]
    more = b"".join(
        one[:28] + struct.pack("<H", len(name)) + one[30:46] + name
        for name in (f"archive/data/{i}".encode() for i in range(1, 40))
    )
    directory = entries + more
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 42, 42, len(directory), at, 0)
    path.write_bytes(raw[:at] + directory + tail)
    with pytest.raises(UnsafeFile, match="many times the size"):
        open_checkpoint(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_eight_bit_tensors_are_read(tmp_path: Path, zipped: bool) -> None:
    tensors = {str(d): torch.linspace(-4, 4, 12).view(3, 4).to(d) for d in (torch.float8_e4m3fn, torch.float8_e5m2)}
    tensors["part"] = tensors["torch.float8_e5m2"][1:, :2]
    tensors["wide"] = torch.tensor([1, 65535], dtype=torch.uint16)
    torch.save(tensors, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    checkpoint = open_checkpoint(tmp_path / "a.pt")
    for name, tensor in tensors.items():
        assert checkpoint.tensor(name).dtype == tensor.dtype
        assert torch.equal(checkpoint.tensor(name).float(), tensor.float())


def test_optimizer_states_and_callbacks_are_left_alone(tmp_path: Path) -> None:
    content = {
        "epoch": 3,
        "global_step": 1000,
        "pytorch-lightning_version": "1.4.2",
        "state_dict": {"a": torch.ones(2)},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 1e-4}]}],
        "lr_schedulers": [{"last_epoch": 3}],
        "callbacks": {"ModelCheckpoint": {"best_model_path": "x"}},
        "loops": None,
    }
    torch.save(content, tmp_path / "a.ckpt")
    checkpoint = open_checkpoint(tmp_path / "a.ckpt")
    assert set(checkpoint) == {"a"}
    assert set(checkpoint.skipped) == set(content) - {"state_dict"}


def test_a_number_too_long_to_write_down_is_no_name(tmp_path: Path) -> None:
    pickled = pickle.dumps({10**5000: 1, "a": {10**5000: 2}}, 2)
    assert len(open_checkpoint(_zipped(tmp_path / "a.pt", pickled)).skipped) == 2


def test_leftovers_of_trainers_are_skipped_and_listed(tmp_path: Path) -> None:
    content = {
        "state_dict": collections.OrderedDict(a=torch.ones(2), b=torch.nn.Parameter(torch.ones(3)), n=np.float64(1.5)),
        "when": np.int64(3),
        "seen": {1, 2},
        "where": Path("x"),
        "epoch": 4,
        "counts": collections.Counter("abc"),
    }
    torch.save(content, tmp_path / "a.ckpt")
    checkpoint = open_checkpoint(tmp_path / "a.ckpt")
    assert set(checkpoint) == {"a", "b"}
    assert set(checkpoint.skipped) == {"when", "seen", "where", "epoch", "counts", "n"}


def test_classes_of_pytorch_lightning_need_no_lightning(tmp_path: Path) -> None:
    pickled = (
        b"\x80\x02}(X\x01\x00\x00\x00ccpytorch_lightning.callbacks.model_checkpoint\nModelCheckpoint\n)\x81"
        b"}X\x04\x00\x00\x00bestK\x01sbu."
    )
    checkpoint = open_checkpoint(_zipped(tmp_path / "a.ckpt", pickled))
    assert checkpoint.skipped == ("c",)


@pytest.mark.parametrize("places", [(6,), (8,), (20, 24), (46,)])
def test_a_zip_whose_directory_is_damaged_is_a_damaged_file(tmp_path: Path, places: tuple[int, ...]) -> None:
    """Its entry says: made for a reader of the future; strange flags; huge sizes; a name that is no text."""
    raw = bytearray(_zipped(tmp_path / "a.pt", b"\x80\x02}.").read_bytes())
    at = raw.index(b"PK\x01\x02")
    raw[at + 9] |= 0x08  # names are UTF-8
    for place in places:
        raw[at + place : at + place + 2] = b"\xff\xff"
    (tmp_path / "a.pt").write_bytes(raw)
    with pytest.raises(ModelError) as caught:
        open_checkpoint(tmp_path / "a.pt")
    assert "a.pt" in str(caught.value)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("kind", ["safetensors", "ckpt", "pt"])
def test_a_damaged_byte_anywhere_near_the_front_or_the_end_never_surprises(
    tmp_path: Path, kind: str, seed: int
) -> None:
    tensors = {"a.weight": torch.arange(12.0).view(3, 4), "b": torch.ones(4).to(torch.float8_e4m3fn)}
    path = tmp_path / f"a.{kind}"
    if kind == "safetensors":
        save_file(tensors, path)
    else:
        torch.save({"state_dict": tensors, "epoch": 1}, path, _use_new_zipfile_serialization=kind == "ckpt")
    whole = path.read_bytes()
    chance = random.Random(seed)
    for _ in range(10):
        raw = bytearray(whole)
        for _ in range(chance.choice((1, 2, 5))):
            at = chance.randrange(min(900, len(raw)))
            raw[at if chance.random() < 0.5 else -1 - at] = chance.randrange(256)
        path.write_bytes(raw)
        try:
            checkpoint = open_checkpoint(path)
        except ModelError:
            continue
        for key in checkpoint:
            checkpoint.tensor(key)


def test_a_zip_file_that_is_no_torch_file_is_said_so(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "docs.pt", "w") as archive:
        archive.writestr("letter.txt", "hello")
    with pytest.raises(ModelError, match="not one that torch wrote"):
        open_checkpoint(tmp_path / "docs.pt")


@pytest.mark.parametrize("old", [False, True])
def test_a_tree_keeps_the_nesting_and_the_plain_values(tmp_path: Path, old: bool) -> None:
    linear = torch.nn.Linear(2, 3).state_dict()
    content = {768: (linear, linear), "name": "x", "step": 5, "rate": [0.5, None, True], "seen": {1}, 2.5: np.int64(1)}
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=not old)
    tree = read_tree(tmp_path / "a.pt")
    assert list(tree) == [768, "name", "step", "rate", "seen", 2.5]
    assert isinstance(tree[768], tuple)
    assert isinstance(tree[768][1]["weight"], TensorSpec)
    assert tree[768][1]["weight"].shape == (3, 2)
    assert (tree["name"], tree["step"], tree["rate"]) == ("x", 5, [0.5, None, True])
    assert isinstance(tree["seen"], Skipped)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_parameter_dict_is_a_table_of_tensors(tmp_path: Path, old: bool, protocol: int) -> None:
    module = torch.nn.ParameterDict({"*": torch.nn.Parameter(torch.ones(2, 3)), "+": torch.nn.Parameter(torch.ones(1))})
    torch.save({"p": module}, tmp_path / "a.pt", pickle_protocol=protocol, _use_new_zipfile_serialization=not old)
    assert {k: v.shape for k, v in read_tree(tmp_path / "a.pt")["p"].items()} == {"*": (2, 3), "+": (1,)}
    assert set(open_checkpoint(tmp_path / "a.pt")) == {"p.*", "p.+"}


@pytest.mark.parametrize("which", ["table", "list", "tuple", "state_dict"])
def test_a_pickle_that_contains_itself_ends(tmp_path: Path, which: str) -> None:
    loop: Any = {}
    loop[{"state_dict": "state_dict"}.get(which, "a")] = {"list": [loop], "tuple": (loop,)}.get(which, loop)
    path = _zipped(tmp_path / "loop.pt", pickle.dumps(loop, 2))
    assert isinstance(read_tree(path), dict)
    assert len(open_checkpoint(path)) == 0


@pytest.mark.parametrize("container", [dict, list])
def test_a_small_pickle_that_unfolds_to_billions_of_entries_is_refused(
    tmp_path: Path, container: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("redraw.models.pickles.MAX_ENTRIES", 50_000)
    value: Any = 1
    for _ in range(7):
        value = dict.fromkeys(map(str, range(200)), value) if container is dict else [value] * 200
    path = _zipped(tmp_path / "laughs.pt", pickle.dumps({"a": value}, 2))
    assert path.stat().st_size < 100_000
    with pytest.raises(UnsafeFile, match="more than 50000 entries"):
        read_tree(path)
    if container is dict:
        with pytest.raises(UnsafeFile, match="more than 50000 entries"):
            open_checkpoint(path)


def _doubled(depth: int = 100) -> bytes:
    """Instructions for a tuple of twice a tuple of twice a tuple...; to hash or print it takes 2^depth steps."""
    return b")" + b"2\x86" * depth


@pytest.mark.parametrize(
    "pickled",
    [
        b"\x80\x02}" + _doubled() + b"K\x01s.",
        b"\x80\x04ccollections\nOrderedDict\n]" + _doubled() + b"K\x01\x86a\x85R.",
        b"\x80\x04" + _doubled() + _doubled() + b"\x93.",
        b"\x80\x04(X\x07\x00\x00\x00storagectorch\nFloatStorage\n" + _doubled() + b"NK\x04tQ.",
        b"\x80\x04" + _doubled() + b"Q.",
    ],
)
def test_tuples_that_double_a_hundred_times_stall_nothing(tmp_path: Path, pickled: bytes) -> None:
    path = _zipped(tmp_path / "doubled.pt", pickled)
    try:
        assert len(open_checkpoint(path)) == 0
    except ModelError:
        pass
