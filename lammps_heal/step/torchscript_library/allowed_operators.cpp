// The list of lammps_heal/model/torchscript_operators.py, which says what it is for.

#include "allowed_operators.h"

#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/passes/inliner.h>

#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace lammps_heal;
using torch::jit::Block;
using torch::jit::Node;
using torch::jit::Value;

static const char *const RUN_WHEN_LOADED[] = {"__setstate__", "torch.classes"};
static constexpr int64_t LONGEST_LOOP = 1000;    // rounds, where a number is given
static const std::set<std::string> ALLOWED_OPERATORS = {
    "aten::Bool",
    "aten::Float",
    "aten::FloatImplicit",
    "aten::Int",
    "aten::IntImplicit",
    "aten::ScalarImplicit",
    "aten::__and__",
    "aten::__contains__",
    "aten::__getitem__",
    "aten::__is__",
    "aten::__isnot__",
    "aten::__not__",
    "aten::__or__",
    "aten::_set_item",
    "aten::abs",
    "aten::add",
    "aten::add_",
    "aten::addmm",
    "aten::all",
    "aten::any",
    "aten::append",
    "aten::arange",
    "aten::argsort",
    "aten::as_tensor",
    "aten::bincount",
    "aten::bmm",
    "aten::cat",
    "aten::ceil",
    "aten::clamp",
    "aten::clamp_",
    "aten::clone",
    "aten::contiguous",
    "aten::copy_",
    "aten::cos",
    "aten::cumsum",
    "aten::detach",
    "aten::dim",
    "aten::div",
    "aten::div_",
    "aten::einsum",
    "aten::embedding",
    "aten::empty",
    "aten::eq",
    "aten::exp",
    "aten::expand",
    "aten::expand_as",
    "aten::extend",
    "aten::fill_",
    "aten::flatten",
    "aten::floor",
    "aten::floordiv",
    "aten::full",
    "aten::full_like",
    "aten::gather",
    "aten::ge",
    "aten::gt",
    "aten::index",
    "aten::index_add",
    "aten::index_add_",
    "aten::index_copy_",
    "aten::index_put",
    "aten::index_put_",
    "aten::index_select",
    "aten::is_floating_point",
    "aten::le",
    "aten::len",
    "aten::linalg_vector_norm",
    "aten::linear",
    "aten::log",
    "aten::logical_and",
    "aten::logical_not",
    "aten::logical_or",
    "aten::lt",
    "aten::masked_fill",
    "aten::masked_fill_",
    "aten::masked_select",
    "aten::matmul",
    "aten::max",
    "aten::maximum",
    "aten::mean",
    "aten::min",
    "aten::minimum",
    "aten::mm",
    "aten::movedim",
    "aten::mul",
    "aten::mul_",
    "aten::narrow",
    "aten::ne",
    "aten::neg",
    "aten::new_empty",
    "aten::new_full",
    "aten::new_ones",
    "aten::new_zeros",
    "aten::nonzero",
    "aten::norm",
    "aten::numel",
    "aten::one_hot",
    "aten::ones",
    "aten::ones_like",
    "aten::outer",
    "aten::permute",
    "aten::pow",
    "aten::reciprocal",
    "aten::relu",
    "aten::remainder",
    "aten::repeat",
    "aten::repeat_interleave",
    "aten::reshape",
    "aten::round",
    "aten::rsqrt",
    "aten::rsub",
    "aten::scatter_add",
    "aten::scatter_add_",
    "aten::select",
    "aten::sigmoid",
    "aten::silu",
    "aten::silu_",
    "aten::sin",
    "aten::size",
    "aten::slice",
    "aten::softplus",
    "aten::split",
    "aten::split_with_sizes",
    "aten::sqrt",
    "aten::square",
    "aten::squeeze",
    "aten::stack",
    "aten::sub",
    "aten::sub_",
    "aten::sum",
    "aten::t",
    "aten::tanh",
    "aten::tensor",
    "aten::to",
    "aten::transpose",
    "aten::type_as",
    "aten::unbind",
    "aten::unflatten",
    "aten::unsqueeze",
    "aten::view",
    "aten::where",
    "aten::zero_",
    "aten::zeros",
    "aten::zeros_like",
    "prim::CallFunction",
    "prim::CallMethod",
    "prim::Constant",
    "prim::CreateObject",
    "prim::GetAttr",
    "prim::If",
    "prim::ListConstruct",
    "prim::ListUnpack",
    "prim::Loop",
    "prim::NumToTensor",
    "prim::RaiseException",
    "prim::SetAttr",
    "prim::TupleConstruct",
    "prim::TupleIndex",
    "prim::TupleSlice",
    "prim::TupleUnpack",
    "prim::Uninitialized",
    "prim::data",
    "prim::device",
    "prim::dtype",
    "prim::max",
    "prim::min",
    "prim::unchecked_cast",
};

void lammps_heal::require_nothing_runs_when_loaded(const std::string &file)
{
  std::istringstream stream(file);
  caffe2::serialize::PyTorchStreamReader reader(&stream);
  for (const auto &name : reader.getAllRecords()) {
    const auto [content, n_bytes] = reader.getRecord(name);
    const std::string_view text(static_cast<const char *>(content.get()), n_bytes);
    for (const std::string word : RUN_WHEN_LOADED)
      if (text.find(word) != std::string_view::npos)
        throw std::runtime_error("it has " + word + ", which runs when it is opened");
  }
}

static bool is_small(const Value *count)
{
  const auto value = torch::jit::toIValue(count);
  return std::string(count->node()->kind().toQualString()) == "aten::len" ||
         (value && value->isInt() && value->toInt() <= LONGEST_LOOP);
}

// Whether it goes through a list, or to a small number; "while" loops have a huge one, and a condition.
static bool ends(const Node *loop)
{
  const Value *const count = loop->input(0);
  if (std::string(count->node()->kind().toQualString()) != "prim::min")
    return is_small(count);
  for (const Value *const value : count->node()->input(0)->node()->inputs())
    if (is_small(value))
      return true;
  return false;
}

static void require_allowed(const std::string &method, const Block *block)
{
  for (const Node *const node : block->nodes()) {
    const std::string kind = node->kind().toQualString();
    if (!ALLOWED_OPERATORS.count(kind))
      throw std::runtime_error(method + " has the operator " + kind + ", which no model needs");
    if (kind == "prim::Loop" && !ends(node))
      throw std::runtime_error(method + " has a loop without an end");
    for (const Block *const inner : node->blocks())
      require_allowed(method, inner);
  }
}

void lammps_heal::require_allowed_operators(const torch::jit::Module &module)
{
  for (const auto &part : module.modules())
    for (const auto &method : part.get_methods()) {
      auto graph = method.graph()->copy();
      torch::jit::Inline(*graph);
      require_allowed(method.name(), graph->block());
    }
}
