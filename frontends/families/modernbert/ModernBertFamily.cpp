// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The record of the ModernBERT family: ModernBertModel of Hugging Face and its classes with a head, all of which have a
// linear, a function and a norm before the last linear. From: Warner et al., Smarter, Better, Faster,
// Longer (2024); transformers' ModernBertConfig and modeling_modernbert.py.
// Tested by test/unit/frontends/families/ModernBertConfigTest.cpp and the fixtures modernbert-windows and
// heads/modernbert-*.
#include "frontends/families/modernbert/ModernBert.h"
#include "frontends/huggingface/Config.h"
#include "frontends/huggingface/Tables.h"

using namespace lmopt;
using nlohmann::json;

static constexpr char kTraining[] = "matters in training only";
static constexpr char kSpeed[] = "chooses how the Python class computes, not what";
static constexpr char kHead[] = "belongs to a head: read where there is one, see below";

static const FieldTable kFields = {
    {"vocab_size", FieldUse::Read, "rows of the embedding table"},
    {"hidden_size", FieldUse::Read, "width"},
    {"num_hidden_layers", FieldUse::Read, "layers"},
    {"num_attention_heads", FieldUse::Read, "heads"},
    {"intermediate_size", FieldUse::Read, "width of the feed-forward block"},
    {"max_position_embeddings", FieldUse::Read, "longest text; 8192 when missing"},
    {"hidden_activation", FieldUse::Read, "function of the feed-forward block; gelu when missing"},
    {"norm_eps", FieldUse::Read, "added to the variance in a norm; 1e-5 when missing"},
    {"norm_bias", FieldUse::Read, "biases of norms; false when missing"},
    {"attention_bias", FieldUse::Read, "biases of attention's linears; false when missing"},
    {"mlp_bias", FieldUse::Read, "biases of the feed-forward block's linears; false when missing"},
    {"local_attention", FieldUse::Read, "twice as far as local layers see to each side; 128 when missing"},
    {"sliding_window", FieldUse::Read, "how far local layers see to each side; half of local_attention when missing"},
    {"global_attn_every_n_layers", FieldUse::Read, "without layer_types: every n-th layer sees all; 3 when missing"},
    {"layer_types", FieldUse::Read, "a name a layer: full_attention or sliding_attention"},
    {"global_rope_theta", FieldUse::Read, "base of the rotary positions of layers that see all; 160000 when missing"},
    {"local_rope_theta", FieldUse::Read, "base of the rotary positions of local layers; 10000 when missing"},
    {"rope_parameters", FieldUse::Read, "both bases as transformers 5 writes them, see below; counts before those"},
    {"position_embedding_type", FieldUse::Harmless, "positions are rotary whatever it says"},
    {"is_decoder", FieldUse::Only, "a decoder", "[false]"},
    {"tie_word_embeddings", FieldUse::Harmless, kHead},
    {"decoder_bias", FieldUse::Harmless, kHead},
    {"classifier_activation", FieldUse::Harmless, kHead},
    {"classifier_bias", FieldUse::Harmless, kHead},
    {"classifier_pooling", FieldUse::Harmless, kHead},
    {"sparse_pred_ignore_index", FieldUse::Harmless, kTraining},
    {"sparse_prediction", FieldUse::Harmless, "leaves out rows where the caller gives labels, which nobody does here"},
    {"layer_norm_eps", FieldUse::Harmless, "norm_eps counts"},
    {"initializer_cutoff_factor", FieldUse::Harmless, kTraining},
    {"embedding_dropout", FieldUse::Harmless, kTraining},
    {"mlp_dropout", FieldUse::Harmless, kTraining},
    {"deterministic_flash_attn", FieldUse::Harmless, kSpeed},
    {"reference_compile", FieldUse::Harmless, kSpeed},
    {"repad_logits_with_grad", FieldUse::Harmless, kSpeed},
};

static const FieldTable kRope = {
    {"full_attention", FieldUse::Read, "rope_type default, and rope_theta, of layers that see all"},
    {"sliding_attention", FieldUse::Read, "the same of local layers"},
};
static const FieldTable kRopeEntry = {
    {"rope_theta", FieldUse::Read, "the base"},
    {"rope_type", FieldUse::Only, "stretched rotary positions", R"(["default"])"},
};

/// What all heads have, and what one of them has beside.
static const FieldTable kHeadFields = {
    {"classifier_activation", FieldUse::Read, "function behind the head's first linear; gelu when missing"},
    {"classifier_bias", FieldUse::Read, "bias of the head's first linear; false when missing"},
};
static const FieldTable kSequenceFields = joinTables(
    kHeadFields,
    {{"classifier_pooling", FieldUse::Read, "cls: classes of the first token; mean: of all; cls when missing"}});
static const FieldTable kMaskedFields =
    joinTables(kHeadFields, {{"decoder_bias", FieldUse::Read, "bias of the head's last linear; true when missing"}});

/// The base in one entry of rope_parameters; `standard` where there is none.
static double readEntry(JsonFields &fields, const json &parameters, const std::string &name, double standard,
                        const std::string &path) {
  auto entry = parameters.find(name);
  if (entry == parameters.end() || entry->is_null())
    return standard;
  Warnings warnings;
  std::string prefix = "rope_parameters." + name;
  if (Result<void> known = checkFields(*entry, kRopeEntry, path, warnings, prefix); !known) {
    fields.adopt(known.error());
    return standard;
  }
  JsonFields own(*entry, path, prefix);
  double base = own.number("rope_theta", 1, 1e30).value_or(standard);
  if (!own.ok())
    fields.adopt(own.error());
  return base;
}

static void readRope(JsonFields &fields, const std::string &path, ModernBertConfig &config) {
  config.base = fields.number("global_rope_theta", 1, 1e30).value_or(160000);
  config.localBase = fields.number("local_rope_theta", 1, 1e30).value_or(10000);
  const json *parameters = fields.value("rope_parameters");
  if (!parameters)
    return;
  Warnings warnings;
  if (Result<void> known = checkFields(*parameters, kRope, path, warnings, "rope_parameters"); !known)
    return fields.adopt(known.error());
  config.base = readEntry(fields, *parameters, "full_attention", config.base, path);
  config.localBase = readEntry(fields, *parameters, "sliding_attention", config.localBase, path);
}

static void readLayerTypes(JsonFields &fields, ModernBertConfig &config) {
  int64_t every = fields.integer("global_attn_every_n_layers", 1, INT64_MAX).value_or(3);
  for (int64_t i = 0; i < config.layers; ++i)
    config.slides.push_back(i % every != 0);
  if (std::optional<std::vector<bool>> listed = readLayerTypes(fields, config.slides.size()))
    config.slides = *listed;
}

static void readWindow(JsonFields &fields, ModernBertConfig &config) {
  int64_t both = fields.integer("local_attention", 2, INT64_MAX).value_or(128);
  config.window = fields.integer("sliding_window", 1, INT64_MAX).value_or(both / 2);
  if (config.window >= config.maxPositions) // all see all
    config.window = 0;
}

static Result<ModernBertConfig> readJson(const json &object, const std::string &path) {
  JsonFields fields(object, path);
  ModernBertConfig config;
  config.vocabulary = fields.requireInteger("vocab_size", 1, kMaxVocabulary);
  config.width = fields.requireInteger("hidden_size", 1, kMaxWidth);
  config.layers = fields.requireInteger("num_hidden_layers", 1, kMaxLayers);
  config.heads = fields.requireInteger("num_attention_heads", 1, kMaxHeads);
  config.ffnWidth = fields.requireInteger("intermediate_size", 1, kMaxWidth);
  config.maxPositions = config.maxTokens = fields.integer("max_position_embeddings", 1, kMaxPositions).value_or(8192);
  config.normEps = fields.number("norm_eps", 0, 1).value_or(1e-5);
  config.activation = readActivation(fields, "hidden_activation", Activation::Gelu);
  config.normBias = fields.boolean("norm_bias").value_or(false);
  config.attentionBias = fields.boolean("attention_bias").value_or(false);
  config.ffnBias = fields.boolean("mlp_bias").value_or(false);
  if (fields.ok() && (config.width % config.heads != 0 || config.headWidth() % 2 != 0))
    fields.fail("num_attention_heads", "must divide hidden_size into even parts");
  if (fields.ok()) {
    readLayerTypes(fields, config);
    readWindow(fields, config);
    readRope(fields, path, config);
  }
  if (!fields.ok())
    return fields.error();
  return config;
}

static void readHead(JsonFields &fields, const EncoderConfig &config, HeadConfig &head) {
  head.activation = readActivation(fields, "classifier_activation", Activation::Gelu);
  head.denseBias = fields.boolean("classifier_bias").value_or(false);
  head.normBias = static_cast<const ModernBertConfig &>(config).normBias;
}

static void readSequenceHead(JsonFields &fields, const EncoderConfig &config, HeadConfig &head) {
  readHead(fields, config, head);
  std::string pooling = fields.string("classifier_pooling").value_or("cls");
  if (pooling != "cls" && pooling != "mean")
    fields.fail("classifier_pooling", "expected cls or mean, found " + printable(pooling));
  head.pooling = pooling == "mean" ? Pooling::Mean : Pooling::Cls;
}

static void readMaskedHead(JsonFields &fields, const EncoderConfig &config, HeadConfig &head) {
  readHead(fields, config, head);
  head.tableBias = fields.boolean("decoder_bias").value_or(true);
}

static std::vector<HeadForm> describeHeads() {
  TensorNames::Pairs first = {{"head.dense", "head.dense"}, {"head.norm", "head.norm"}}, classes = first, words = first;
  classes.push_back({"head.out", "classifier"});
  words.insert(words.end(), {{"head.table", "decoder"}, {"head.out", "decoder"}});
  return {
      {"ModernBertForMaskedLM", "masked_lm", words, std::nullopt, {}, kMaskedFields, readMaskedHead},
      {"ModernBertForSequenceClassification",
       "sequence_classification",
       classes,
       std::nullopt,
       {},
       kSequenceFields,
       readSequenceHead},
      {"ModernBertForTokenClassification", "token_classification", classes, std::nullopt, {}, kHeadFields, readHead},
      {"ModernBertForQuestionAnswering", "question_answering", classes, std::nullopt, {}, kHeadFields, readHead},
  };
}

static HuggingFaceForm describeHuggingFace() {
  HuggingFaceForm form;
  form.modelType = "modernbert";
  form.architectures = {"ModernBertModel"};
  form.heads = describeHeads();
  form.fields = joinTables(kFields, commonConfigFields());
  form.objects = {
      {"config.json of ModernBERT with a head",
       "Beside what each head reads of any family (below): `classifier_pooling` of sequence classification, "
       "`decoder_bias` of the masked LM, the others of all.",
       joinTables(kSequenceFields, kMaskedFields)},
      {"rope_parameters of ModernBERT", "An entry for each kind of layers.", kRope},
      {"an entry of rope_parameters", "The same for both.", kRopeEntry}};
  form.read = [](const json &object, const std::string &path) { return ownConfig(readJson(object, path)); };
  form.prefix = "model.";
  form.tensors.whole = {{"embed", "embeddings.tok_embeddings"}, {"embed_norm", "embeddings.norm"}};
  form.tensors.parts = {{"attn.qkv", "attn.Wqkv"}, {"attn.o", "attn.Wo"},     {"attn_norm", "attn_norm"},
                        {"ffn_norm", "mlp_norm"},  {"ffn.gate_up", "mlp.Wi"}, {"ffn.down", "mlp.Wo"}};
  return form;
}

Family lmopt::describeModernBert() {
  Family family;
  family.name = "ModernBERT";
  family.kind = FamilyKind::Encoder;
  family.huggingFace = describeHuggingFace();
  return family;
}
