// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What checkpoints of the UltraFastBERT family say in tensors that are no weights, because the makers' classes register
// them: the factor of the scores of attention (norm_factor, which counts as the file has it), the depth of a tree of
// fastfeedforward (which config.json must agree with), and the table of the decoder, which is the embedding's.
//
// In: the checkpoint, the configuration. Out: the configuration with these; exit code 3 where they contradict it.
// From: crammed_bert.py, attention.py and fastfeedforward's fff.py. Tested by
// test/unit/frontends/families/UltraFastBertTensorsTest.cpp.
#include "files/safetensors/Checkpoint.h"
#include "frontends/families/ultrafastbert/UltraFastBert.h"
#include "frontends/huggingface/TiedHead.h"

#include <cmath>
#include <cstring>

using namespace lmopt;

/// The factor of a layer; `standard` where the file has none.
static Result<double> readScale(const Checkpoint &checkpoint, const std::string &name, double standard) {
  Checkpoint::Entry entry = checkpoint.find(name);
  if (!entry)
    return standard;
  if (!entry.tensor->type->decodable || entry.tensor->rows() != 1 || entry.tensor->columns() != 1)
    return malformed(placeOf(entry) + ": expected one number of F32, F16 or BF16, the factor of attention");
  float factor = 0;
  if (Result<void> decoded = entry.file->decodeRows(*entry.tensor, 0, 1, &factor); !decoded)
    return decoded.error();
  if (!std::isfinite(factor) || factor <= 0)
    return malformed(placeOf(entry) + ": expected a positive factor of attention, found " + std::to_string(factor));
  return double(factor);
}

static Result<void> checkDepth(const Checkpoint &checkpoint, const std::string &name, int64_t depth) {
  Checkpoint::Entry entry = checkpoint.find(name);
  if (!entry)
    return {};
  if (entry.tensor->type->name != "I64" || entry.tensor->data.size() != sizeof(int64_t))
    return malformed(placeOf(entry) + ": expected one number of I64, the depth of the tree");
  int64_t found = 0;
  std::memcpy(&found, entry.tensor->data.data(), sizeof found);
  if (found != depth)
    return malformed(placeOf(entry) + ": config.json says that intermed_depth is " + std::to_string(depth) +
                     ", but the tree has depth " + std::to_string(found));
  return {};
}

/// The makers' loader copies both into one table, so that files in which they differ depend on its order.
static Result<void> checkDecoder(const Checkpoint &checkpoint, const std::string &embedding) {
  bool tied = true;
  Warnings ignored;
  Result<HeadTables> tables = resolveHead(checkpoint, embedding, "decoder.weight", tied, ignored);
  if (!tables)
    return tables.error();
  if (!tied)
    return unsupported(placeOf(checkpoint.find("decoder.weight")) + ": differs from " + printable(embedding) +
                       ", but the class has one table for both; remove the one that is not the model's");
  return {};
}

/// Tensors of the other kind of tree beside a configuration of this one.
static Result<void> checkTreeKind(const Checkpoint &checkpoint, const std::string &ffn, TreeKind kind) {
  bool leaves = kind == TreeKind::Leaves;
  Checkpoint::Entry other = checkpoint.find(ffn + (leaves ? "linear_in.weight" : "node_weights"));
  if (!other)
    return {};
  return malformed(placeOf(other) + ": belongs to a tree of intermed_type '" + (leaves ? "fff" : "fastfeedforward") +
                   "', but config.json says '" + (leaves ? "fastfeedforward" : "fff") + "'");
}

Result<void> lmopt::readCrammedTensors(const Checkpoint &checkpoint, const std::string &prefix, ModelConfig &config) {
  auto &own = static_cast<UltraFastBertConfig &>(config);
  if (Result<void> same = checkDecoder(checkpoint, prefix + "embedding.word_embedding.weight"); !same)
    return same;
  for (int64_t i = 0; i < own.layers; ++i) {
    std::string layer = prefix + "layers." + std::to_string(i) + ".";
    double &scale = own.attentionScales[i];
    Result<double> read = readScale(checkpoint, layer + "attn.self_attention.norm_factor", scale);
    if (!read)
      return read.error();
    scale = *read;
    if (Result<void> fits = checkTreeKind(checkpoint, layer + "ffn.", own.tree); !fits)
      return fits;
    if (own.tree == TreeKind::Leaves)
      if (Result<void> same = checkDepth(checkpoint, layer + "ffn.depth", own.depth); !same)
        return same;
  }
  return {};
}
