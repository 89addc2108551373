"""Running a model for its outputs alone: evaluation mode, no gradients, and the faster matrix products on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode


@contextmanager
def inference(model: Any) -> Iterator[None]:
    """Run `model` without dropout and gradients inside the block; its mode afterwards is what it was before."""
    training = model.training
    fast = model.device.type == "cpu" and model.dtype == torch.float32 and onednn_works()
    model.eval()
    try:
        with torch.no_grad(), _OneDnnLinear() if fast else nullcontext():
            yield
    finally:
        model.train(training)


class _OneDnnLinear(TorchFunctionMode):
    """Send linear layers to oneDNN, in float32 as before.

    PyTorch multiplies float32 matrices with MKL, which leaves an AMD processor's wide registers unused; oneDNN, which
    is part of PyTorch too, was measured there at twice MKL's rate for four rows and more, and at the same for one.
    """

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if function is F.linear:
            return _linear(*args, **(kwargs or {}))
        if function is torch.addmm and not kwargs:  # GPT-2's layers keep their weights transposed.
            bias, rows, weight = args
            return _linear(rows, weight.t(), bias)
        return function(*args, **(kwargs or {}))


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    if not input.is_cpu or input.dtype != torch.float32 or weight.dtype != torch.float32 or not input.numel():
        return F.linear(input, weight, bias)
    product: Tensor = torch.ops.mkldnn._linear_pointwise(input, weight, bias, "none", [], "")
    return product


@cache
def onednn_works() -> bool:
    """Whether this build of PyTorch has the product used above, and computes it correctly."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    generator = torch.Generator().manual_seed(0)
    rows, weight, bias = (torch.randn(shape, generator=generator) for shape in ((3, 8), (5, 8), (5,)))
    try:
        both = [_linear(rows, weight, bias), _linear(rows, weight.t().contiguous().t(), bias)]
    except (AttributeError, NotImplementedError, RuntimeError):
        return False
    return all(torch.allclose(one, F.linear(rows, weight, bias), atol=1e-5) for one in both)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or on the CPU."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "allocate memory" in str(error)
