"""What the TorchScript of a model file may do: arithmetic on tensors, and nothing else.

`torch.jit.load` compiles a file's code and runs none of it but `__setstate__`, which is refused before. Then each operator
of each method must be one of these, so a file from elsewhere can neither read nor write files, print, or start threads.
How much arithmetic it asks for is not limited: it may take long, and all of the memory. The same list stands in
step/torchscript_library/allowed_operators.cpp, where a test compares them.
"""

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import torch

# Of the code that a file brings, the only parts that run or choose what runs when it is loaded.
RUN_WHEN_LOADED = (b"__setstate__", b"torch.classes")

LONGEST_LOOP = 1000  # rounds, where a number is given

ALLOWED_OPERATORS = frozenset(
    """
    aten::Bool aten::Float aten::FloatImplicit aten::Int aten::IntImplicit aten::ScalarImplicit aten::__and__
    aten::__contains__ aten::__getitem__ aten::__is__ aten::__isnot__ aten::__not__ aten::__or__ aten::_set_item
    aten::abs aten::add aten::add_ aten::addmm aten::all aten::any aten::append aten::arange aten::argsort aten::as_tensor
    aten::bincount aten::bmm aten::cat aten::ceil aten::clamp aten::clamp_ aten::clone aten::contiguous aten::copy_ aten::cos
    aten::cumsum aten::detach aten::dim aten::div aten::div_ aten::einsum aten::embedding aten::empty aten::eq aten::exp
    aten::expand aten::expand_as aten::extend aten::fill_ aten::flatten aten::floor aten::floordiv aten::full aten::full_like
    aten::gather aten::ge aten::gt aten::index aten::index_add aten::index_add_ aten::index_copy_ aten::index_put
    aten::index_put_ aten::index_select aten::is_floating_point aten::le aten::len aten::linalg_vector_norm aten::linear
    aten::log aten::logical_and aten::logical_not aten::logical_or aten::lt aten::masked_fill aten::masked_fill_
    aten::masked_select aten::matmul aten::max aten::maximum aten::mean aten::min aten::minimum aten::mm aten::movedim
    aten::mul aten::mul_ aten::narrow aten::ne aten::neg aten::new_empty aten::new_full aten::new_ones aten::new_zeros
    aten::nonzero aten::norm aten::numel aten::one_hot aten::ones aten::ones_like aten::outer aten::permute aten::pow
    aten::reciprocal aten::relu aten::remainder aten::repeat aten::repeat_interleave aten::reshape aten::round aten::rsqrt
    aten::rsub aten::scatter_add aten::scatter_add_ aten::select aten::sigmoid aten::silu aten::silu_ aten::sin aten::size
    aten::slice aten::softplus aten::split aten::split_with_sizes aten::sqrt aten::square aten::squeeze aten::stack
    aten::sub aten::sub_ aten::sum aten::t aten::tanh aten::tensor aten::to aten::transpose aten::type_as aten::unbind
    aten::unflatten aten::unsqueeze aten::view aten::where aten::zero_ aten::zeros aten::zeros_like
    prim::CallFunction prim::CallMethod prim::Constant prim::CreateObject prim::GetAttr prim::If prim::ListConstruct
    prim::ListUnpack prim::Loop prim::NumToTensor prim::RaiseException prim::SetAttr prim::TupleConstruct prim::TupleIndex
    prim::TupleSlice prim::TupleUnpack prim::Uninitialized prim::data prim::device prim::dtype prim::max prim::min
    prim::unchecked_cast
    """.split()
)


def require_nothing_runs_when_loaded(file: bytes) -> None:
    """Raises ValueError. file: an archive without two entries of one name (see archive.py)."""
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        for info in archive.infolist():
            content = archive.read(info)
            for word in RUN_WHEN_LOADED:
                if word in content:
                    raise ValueError(f"it has {word.decode()}, which runs when it is opened")


def require_allowed_operators(module: torch.jit.ScriptModule) -> None:
    """Raises ValueError for an operator that no model needs, and for a loop without an end."""
    for name, method in _methods(module):
        graph = method.graph.copy()
        torch._C._jit_pass_inline(graph)
        for node in _nodes(graph):
            if node.kind() not in ALLOWED_OPERATORS:
                raise ValueError(f"{name} has the operator {node.kind()}, which no model needs")
            if node.kind() == "prim::Loop" and not _ends(node):
                raise ValueError(f"{name} has a loop without an end")


def _methods(module: torch.jit.ScriptModule) -> Iterator[tuple[str, Any]]:
    for part in module.modules():
        compiled: Any = getattr(part, "_c")  # noqa: B009  (ScriptModule hides it from type checkers)
        for name in compiled._method_names():
            yield name, compiled._get_method(name)


def _nodes(block: Any) -> Iterator[Any]:
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from _nodes(inner)


def _ends(loop: Any) -> bool:
    """Whether it goes through a list, or to a small number; "while" loops have a huge one, and a condition."""
    count = loop.inputsAt(0)
    if count.node().kind() != "prim::min":
        return _is_small(count)
    return any(_is_small(value) for value in count.node().inputsAt(0).node().inputs())


def _is_small(count: Any) -> bool:
    value = count.toIValue()
    return bool(count.node().kind() == "aten::len" or (isinstance(value, int) and value <= LONGEST_LOOP))
