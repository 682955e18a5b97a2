// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The files that sentence-transformers writes. From: its base/model.py, base/modules/transformer.py,
// base/modules/normalize.py, sentence_transformer/modules/pooling.py and sentence_transformer/model.py (6.2), and the
// names that versions 2 to 5 used. Tested by test/unit/frontends/FieldTablesTest.cpp.
#include "frontends/huggingface/Tables.h"

using namespace lmopt;

static constexpr char kOrigin[] = "says who made the file and how";
static constexpr char kSpeed[] = "chooses how the Python class computes, not what";
static constexpr char kLoading[] = "chooses where the Python class finds its files";
static constexpr char kTasks[] = "lengths and padding of encode_query and encode_document; lmopt embeds as encode does";

const FieldTable &lmopt::moduleFields() {
  static const FieldTable table = {
      {"type", FieldUse::Read,
       "Transformer, StaticEmbedding, Pooling, Dense, Normalize or Dropout, of sentence_transformers"},
      {"path", FieldUse::Read, "the folder of its settings"},
      {"name", FieldUse::Read, "refused when two modules have the same"},
      {"idx", FieldUse::Harmless, "the order of the list counts"},
      {"kwargs", FieldUse::Harmless, "names of arguments that a caller may hand on"},
  };
  return table;
}

const FieldTable &lmopt::transformerFields() {
  static const FieldTable table = {
      {"max_seq_length", FieldUse::Read, "longer texts are cut; model_max_length of the tokenizer when missing"},
      {"do_lower_case", FieldUse::Read, "refused when the tokenizer does not lower the case itself"},
      {"processor_kwargs", FieldUse::Read, "model_max_length counts before max_seq_length"},
      {"tokenizer_args", FieldUse::Read, "the older name of processor_kwargs, which it replaces"},
      {"model_kwargs", FieldUse::Read, "refused unless each argument is known to be harmless"},
      {"model_args", FieldUse::Read, "the older name of model_kwargs"},
      {"config_kwargs", FieldUse::Read, "refused unless each argument is known to be harmless"},
      {"config_args", FieldUse::Read, "the older name of config_kwargs"},
      {"transformer_task", FieldUse::Only, "a model with a head", R"(["feature-extraction"])"},
      {"modality_config", FieldUse::Only, "inputs or outputs other than texts and the last layer",
       R"([{"text": {"method": "forward", "method_output_name": "last_hidden_state"}}])"},
      {"module_output_name", FieldUse::Only, "an output other than one vector a token", R"(["token_embeddings"])"},
      {"processing_kwargs", FieldUse::Only, "other arguments of the tokenizer", "[{}]"},
      {"query_length", FieldUse::Only, kTasks},
      {"document_length", FieldUse::Only, kTasks},
      {"query_expansion", FieldUse::Only, kTasks},
      {"tokenizer_name_or_path", FieldUse::Only, "a tokenizer from another place; copy it here"},
      {"unpad_inputs", FieldUse::Harmless, kSpeed},
      {"backend", FieldUse::Harmless, kSpeed},
      {"cache_dir", FieldUse::Harmless, kLoading},
  };
  return table;
}

const FieldTable &lmopt::crossEncoderTransformerFields() {
  static const FieldTable table = joinTables(
      {
          {"transformer_task", FieldUse::Only, "a model without such a head", R"(["sequence-classification"])"},
          {"modality_config", FieldUse::Only, "inputs or outputs other than texts and the numbers of the head",
           R"([{"text": {"method": "forward", "method_output_name": "logits"}}])"},
          {"module_output_name", FieldUse::Only, "another output", R"(["scores"])"},
      },
      transformerFields());
  return table;
}

/// What from_pretrained takes whatever it loads.
static FieldTable loadingArguments() {
  return {
      {"trust_remote_code", FieldUse::Harmless, "sentence-transformers does not take it from the file either"},
      {"revision", FieldUse::Harmless, kLoading},
      {"code_revision", FieldUse::Harmless, kLoading},
      {"cache_dir", FieldUse::Harmless, kLoading},
      {"local_files_only", FieldUse::Harmless, kLoading},
      {"token", FieldUse::Harmless, kLoading},
      {"force_download", FieldUse::Harmless, kLoading},
  };
}

const FieldTable &lmopt::modelArgumentFields() {
  static const FieldTable table = joinTables(
      {
          {"torch_dtype", FieldUse::Harmless, "each tensor says its own type, and the recipe how is computed"},
          {"dtype", FieldUse::Harmless, "each tensor says its own type, and the recipe how is computed"},
          {"attn_implementation", FieldUse::Harmless, kSpeed},
          {"device_map", FieldUse::Harmless, kSpeed},
          {"low_cpu_mem_usage", FieldUse::Harmless, kSpeed},
          {"use_safetensors", FieldUse::Harmless, kLoading},
          {"add_pooling_layer", FieldUse::Harmless, "the pooler of BERT is not used"},
      },
      loadingArguments());
  return table;
}

const FieldTable &lmopt::tokenizerArgumentFields() {
  static const FieldTable table = joinTables(
      {
          {"model_max_length", FieldUse::Read, "longer texts are cut"},
          {"use_fast", FieldUse::Harmless, "tokenizer.json is the fast one"},
      },
      loadingArguments());
  return table;
}

const FieldTable &lmopt::configArgumentFields() {
  static const FieldTable table = joinTables(
      {
          {"use_cache", FieldUse::Harmless, kSpeed},
          {"attn_implementation", FieldUse::Harmless, kSpeed},
      },
      loadingArguments());
  return table;
}

const FieldTable &lmopt::poolingFields() {
  static const FieldTable table = {
      {"pooling_mode", FieldUse::Read,
       "mean, cls, max, lasttoken, mean_sqrt_len_tokens or weightedmean; of a list the vectors stand side by side in "
       "its "
       "order; mean when missing"},
      {"pooling_mode_cls_token", FieldUse::Read, "the older spelling, which does not count beside pooling_mode"},
      {"pooling_mode_mean_tokens", FieldUse::Read, "the older spelling"},
      {"pooling_mode_max_tokens", FieldUse::Read, "the older spelling"},
      {"pooling_mode_lasttoken", FieldUse::Read, "the older spelling"},
      {"pooling_mode_mean_sqrt_len_tokens", FieldUse::Read, "the older spelling"},
      {"pooling_mode_weightedmean_tokens", FieldUse::Read, "the older spelling"},
      {"embedding_dimension", FieldUse::Read, "must be the width of the encoder"},
      {"word_embedding_dimension", FieldUse::Read, "the older name"},
      {"include_prompt", FieldUse::Only, "tokens of a prompt left out of the vector", "[true]"},
  };
  return table;
}

const FieldTable &lmopt::denseFields() {
  static const FieldTable table = {
      {"in_features", FieldUse::Read, "must be the width of what comes before"},
      {"out_features", FieldUse::Read, "width of the vector"},
      {"bias", FieldUse::Read, "whether there is one; true when missing"},
      {"activation_function", FieldUse::Read, "Identity, Tanh, GELU, ReLU or SiLU of torch; Tanh when missing"},
      {"module_input_name", FieldUse::Only, "a linear over something else than the vector",
       R"(["sentence_embedding"])"},
      {"module_output_name", FieldUse::Only, "another result", R"(["sentence_embedding"])"},
      {"use_residual", FieldUse::Only, "a residual connection around it", "[false]"},
  };
  return table;
}

const FieldTable &lmopt::normalizeFields() {
  static const FieldTable table = {
      {"module_input_name", FieldUse::Only, "another vector made one long", R"(["sentence_embedding"])"},
      {"module_output_name", FieldUse::Only, "another result", R"(["sentence_embedding"])"},
  };
  return table;
}

const FieldTable &lmopt::crossEncoderFields() {
  static const FieldTable table = {
      {"model_type", FieldUse::Only, "a model of another kind", R"(["CrossEncoder"])"},
      {"activation_fn", FieldUse::Read, "what makes scores of the numbers: Identity, Sigmoid or Softmax of torch"},
      {"default_prompt_name", FieldUse::Read, "refused when that prompt is not empty: put it into the texts"},
      {"prompts", FieldUse::Read, "used by name only; put them into the texts"},
      {"keep_in_fp32_modules", FieldUse::Harmless, "the recipe says how is computed"},
      {"requirements", FieldUse::Harmless, "versions of Python packages"},
      {"__version__", FieldUse::Harmless, kOrigin},
  };
  return table;
}

const FieldTable &lmopt::sentenceModelFields() {
  static const FieldTable table = {
      {"default_prompt_name", FieldUse::Read, "the prompt that `lmopt embed` uses unless told otherwise"},
      {"prompts", FieldUse::Read, "texts that `lmopt embed --prompt-name` puts before every text"},
      {"truncate_dim", FieldUse::Read, "refused when shorter than the vector"},
      {"model_type", FieldUse::Only, "a model of another kind", R"(["SentenceTransformer"])"},
      {"similarity_fn_name", FieldUse::Harmless, "how vectors are compared, not what they are"},
      {"requirements", FieldUse::Harmless, "versions of Python packages"},
      {"__version__", FieldUse::Harmless, kOrigin},
  };
  return table;
}
