"""Devices and number formats are checked before any work starts."""

from __future__ import annotations

import os

import pytest
import torch

from redraw.errors import RequestError
from redraw.models.devices import cpu_has_bf16, dtype_name, resolve_device, resolve_dtype, set_threads

CPU = torch.device("cpu")


def test_auto_takes_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert resolve_device("auto") == CPU
    assert resolve_device(" CPU ") == CPU
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert resolve_device("auto") == torch.device("mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("auto") == torch.device("cuda")
    assert resolve_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(RequestError, match="2 CUDA devices"):
        resolve_device("cuda:2")


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "mps"])
def test_a_device_that_is_absent_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(RequestError, match="no usable"):
        resolve_device(name)


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "", "xpu"])
def test_an_unknown_device_is_refused(name: str) -> None:
    with pytest.raises(RequestError, match="one of auto"):
        resolve_device(name)


def test_dtypes_by_name() -> None:
    assert resolve_dtype("fp32", CPU) is torch.float32
    assert resolve_dtype("BF16", CPU) is torch.bfloat16
    assert resolve_dtype("fp16", torch.device("cuda")) is torch.float16
    assert resolve_dtype("auto", torch.device("cuda")) is torch.float16
    assert resolve_dtype("auto", CPU) is (torch.bfloat16 if cpu_has_bf16() else torch.float32)
    for name in ("fp32", "bf16"):
        assert dtype_name(resolve_dtype(name, CPU)) == name
    with pytest.raises(RequestError, match="one of auto, fp32"):
        resolve_dtype("fp8", CPU)
    with pytest.raises(RequestError, match="does not compute in fp16"):
        resolve_dtype("fp16", CPU)


@pytest.mark.parametrize(("feature", "expected"), [("avx512_bf16", torch.bfloat16), ("avx2", torch.float32)])
def test_auto_is_bf16_where_the_cpu_has_it(
    monkeypatch: pytest.MonkeyPatch, feature: str, expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {feature: True}, raising=False)
    assert resolve_dtype("auto", CPU) is expected


def test_threads_default_to_the_cores_this_process_may_use() -> None:
    before = torch.get_num_threads()
    try:
        assert set_threads() == len(os.sched_getaffinity(0))
        assert set_threads(1) == torch.get_num_threads() == 1
        with pytest.raises(RequestError, match="at least 1"):
            set_threads(0)
    finally:
        torch.set_num_threads(before)
