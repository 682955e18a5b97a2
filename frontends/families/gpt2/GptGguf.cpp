// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// GGUF files of the architectures gpt2, gptneox and bloom: metadata to GptConfig. Converters have turned GPT-2's
// matrices the usual way round and put GPT-NeoX's and BLOOM's queries, keys and values one after the other. From: the
// key names, loaders and graphs of llama.cpp, whose GELU is always the one by tanh. Tested by
// test/unit/frontends/families/{Gpt2,GptNeox,Bloom}ConfigTest.cpp and the fixtures gguf/{gpt2,gptneox,bloom}.
#include "frontends/families/gpt2/Gpt2.h"
#include "frontends/families/gpt2/GptConfig.h"
#include "frontends/gguf/Keys.h"
#include "frontends/gguf/Metadata.h"

using namespace lmopt;

static const FieldTable kKeys = {
    {".context_length", FieldUse::Read, "longest sequence"},
    {".embedding_length", FieldUse::Read, "width"},
    {".block_count", FieldUse::Read, "layers"},
    {".feed_forward_length", FieldUse::Read, "width of the feed-forward block"},
    {".attention.head_count", FieldUse::Read, "heads"},
    {".attention.head_count_kv", FieldUse::Read, "refused when there are fewer"},
    {".attention.layer_norm_epsilon", FieldUse::Read, "added to the variance in a norm"},
    {".vocab_size", FieldUse::Harmless, "the embedding table has its own number of rows"},
    {".tensor_data_layout", FieldUse::Harmless, "says how the first converters laid out heads"},
    {".attention.causal", FieldUse::Only, "attention to later tokens", "[true]"},
    {".attention.max_alibi_bias", FieldUse::Only, "another kind of positions", "[0]"},
    {".attention.clamp_kqv", FieldUse::Only, "clamped queries, keys and values", "[0]"},
    {".*", FieldUse::Only, kUnknownKey},
};

static const FieldTable kNeoxKeys = {
    {".rope.dimension_count", FieldUse::Read, "rotated part of a head; all of it when missing"},
    {".rope.freq_base", FieldUse::Read, "base of the rotary positions; 10000 when missing"},
    {".use_parallel_residual", FieldUse::Read, "whether attention and the feed-forward block read the same"},
    {".rope.scaling.type", FieldUse::Only, "stretched rotary positions", R"(["none"])"},
};

// llama.cpp does not ask the file for the bias of BLOOM either.
static const FieldTable kBloomKeys = {
    {".attention.max_alibi_bias", FieldUse::Only, "other slopes than those that BLOOM has", "[8]"},
};

static GptConfig readSizes(GgufFields &fields) {
  GptConfig config;
  config.maxPositions = fields.integer("context_length", 1, kMaxPositions);
  config.width = fields.integer("embedding_length", 1, kMaxWidth);
  config.layers = fields.integer("block_count", 1, kMaxLayers);
  config.ffnWidth = fields.integer("feed_forward_length", 1, kMaxWidth);
  config.heads = fields.integer("attention.head_count", 1, kMaxHeads);
  config.normEps = fields.number("attention.layer_norm_epsilon", 0, 1);
  if (fields.integer("attention.head_count_kv", 1, kMaxHeads, config.heads) != config.heads)
    fields.fail("attention.head_count_kv", "fewer heads of keys and values are not supported", kErrorUnsupported);
  config.projections = GptProjections::Fused;
  return config;
}

static ConfigResult complete(GgufFields &fields, GptConfig config, const std::string &path) {
  fields.readTables(config);
  if (!fields.ok())
    return fields.error();
  return ownConfig(completeGptConfig(std::move(config), path));
}

static ConfigResult readGpt2(const GgufFile &file) {
  GgufFields fields(file, "gpt2.");
  GptConfig config = readSizes(fields);
  config.learnedPositions = true;
  return complete(fields, std::move(config), file.path());
}

static ConfigResult readGptNeox(const GgufFile &file) {
  GgufFields fields(file, "gptneox.");
  GptConfig config = readSizes(fields);
  config.ropeDims = fields.integer("rope.dimension_count", 2, kMaxWidth, config.headWidth());
  config.ropeBase = fields.number("rope.freq_base", 1, 1e15, 10000.0);
  const GgufValue *parallel = file.find("gptneox.use_parallel_residual");
  if (!parallel || !parallel->asBool())
    fields.fail("use_parallel_residual", "expected true or false");
  else if (*parallel->asBool())
    config.order = GptOrder::Parallel;
  return complete(fields, std::move(config), file.path());
}

static ConfigResult readBloom(const GgufFile &file) {
  GgufFields fields(file, "bloom.");
  GptConfig config = readSizes(fields);
  config.embeddingNorm = true;
  config.slopes = alibiSlopes(config.heads);
  return complete(fields, std::move(config), file.path());
}

/// The tensors have the same names.
static GgufForm describe(const char *architecture, const FieldTable &keys, decltype(GgufForm::read) read) {
  GgufForm form;
  form.architecture = architecture;
  form.keys = ggufKeysOf(architecture, keys);
  form.read = read;
  form.tensors.whole = {{"embed", "token_embd"},
                        {"embed_norm", "token_embd_norm"},
                        {"position", "position_embd"},
                        {"final_norm", "output_norm"},
                        {"head", "output"}};
  form.tensors.layers = "blk.";
  form.tensors.parts = {{"attn.qkv", "attn_qkv"},
                        {"attn.o", "attn_output"},
                        {"ffn.up", "ffn_up"},
                        {"ffn.down", "ffn_down"}}; // attn_norm and ffn_norm have the same names
  return form;
}

GgufForm lmopt::describeGpt2Gguf() { return describe("gpt2", kKeys, readGpt2); }
GgufForm lmopt::describeBloomGguf() { return describe("bloom", joinTables(kBloomKeys, kKeys), readBloom); }
GgufForm lmopt::describeGptNeoxGguf() { return describe("gptneox", joinTables(kNeoxKeys, kKeys), readGptNeox); }
