// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The settings of sentence-transformers' module Dense: a linear over the vector of a text, and a function. From:
// sentence-transformers 6.2 (base/modules/dense.py). Tested by test/unit/frontends/SentenceTransformersTest.cpp and the
// fixture static-sentence.
#include "files/File.h"
#include "frontends/huggingface/SentenceTransformers.h"
#include "frontends/huggingface/Tables.h"

using namespace lmopt;
using nlohmann::json;

/// torch's classes; others are code of the maker's, which sentence-transformers does not run unasked either.
static const std::pair<std::string_view, std::optional<Activation>> kFunctions[] = {
    {"torch.nn.modules.linear.Identity", std::nullopt},     {"torch.nn.modules.activation.Tanh", Activation::Tanh},
    {"torch.nn.modules.activation.GELU", Activation::Gelu}, {"torch.nn.modules.activation.ReLU", Activation::Relu},
    {"torch.nn.modules.activation.SiLU", Activation::Silu},
};

static std::optional<Activation> readFunction(JsonFields &fields) {
  std::optional<std::string> name = fields.string("activation_function");
  if (!name)
    return Activation::Tanh;
  std::string names;
  for (const auto &[known, function] : kFunctions) {
    if (*name == known)
      return function;
    names += (names.empty() ? "" : ", ") + std::string(known);
  }
  fields.fail("activation_function", printable(*name) + " is not supported; supported are " + names, kErrorUnsupported);
  return std::nullopt;
}

Result<void> lmopt::applyDense(const json &object, const std::string &path, const std::string &folder,
                               EncoderConfig &config) {
  if (Result<void> known = checkFields(object, denseFields(), path, config.warnings); !known)
    return known;
  JsonFields fields(object, path);
  DenseConfig dense;
  dense.folder = folder;
  int64_t inputs = fields.requireInteger("in_features", 1, kMaxWidth);
  dense.outputs = fields.requireInteger("out_features", 1, kMaxWidth);
  dense.bias = fields.boolean("bias").value_or(true);
  dense.activation = readFunction(fields);
  int64_t width = config.vectorWidth(); // 0: only the tensors know
  if (fields.ok() && width && inputs != width)
    fields.fail("in_features",
                "is " + std::to_string(inputs) + ", the vectors before it have " + std::to_string(width));
  if (!fields.ok())
    return fields.error();
  config.dense.push_back(dense);
  return {};
}
