// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// config.json: the fields that any family may have. From: transformers' PreTrainedConfig, and what libraries that train
// and convert models add. Tested by test/unit/frontends/FieldTablesTest.cpp.
#include "frontends/huggingface/Tables.h"

using namespace lmopt;

// The reasons that many fields share.
static constexpr char kOrigin[] = "says who made the file and how";
static constexpr char kTraining[] = "matters in training only";
static constexpr char kOutputs[] = "chooses what the Python class returns beside the result";
static constexpr char kSpeed[] = "chooses how the Python class computes, not what";
static constexpr char kClasses[] = "belongs to a classification head: read where there is one";
static constexpr char kText[] = "the tokenizer decides which tokens there are and which are added";
static constexpr char kGeneration[] = "a setting of generation: counts as in generation_config.json where a "
                                      "decoder has no such file, else not at all";
static constexpr char kEncoderDecoder[] = "models of encoder and decoder";

const FieldTable &lmopt::commonConfigFields() {
  static const FieldTable table = {
      {"architectures", FieldUse::Read, "the family, together with model_type"},
      {"model_type", FieldUse::Read, "the family, together with architectures"},
      {"eos_token_id", FieldUse::Read, "the tokens that end a text, when there is no generation_config.json"},
      {"quantization_config", FieldUse::Read, "weights in codes of GPTQ, AWQ or compressed-tensors: see below"},
      {"quantization", FieldUse::Only, "weights that MLX quantized; lmopt quantizes by itself"},
      {"auto_map", FieldUse::Only,
       "the model comes with code of its own, which may compute something else; lmopt runs no code of a checkpoint. "
       "Remove the field if the model is the standard one"},
      {"transformers_weights", FieldUse::Only, "weights in a file of another name", R"(["model.safetensors"])"},
      {"is_encoder_decoder", FieldUse::Only, kEncoderDecoder, "[false]"},
      {"add_cross_attention", FieldUse::Only, kEncoderDecoder, "[false]"},
      {"cross_attention_hidden_size", FieldUse::Only, kEncoderDecoder},
      {"tie_encoder_decoder", FieldUse::Only, kEncoderDecoder, "[false]"},
      {"pruned_heads", FieldUse::Only, "heads that are left out when the model is loaded; save it without them",
       "[{}]"},

      {"_name_or_path", FieldUse::Harmless, "the name that inspect shows"},
      {"name_or_path", FieldUse::Harmless, kOrigin},
      {"transformers_version", FieldUse::Harmless, kOrigin},
      {"transformers.js_config", FieldUse::Harmless, kOrigin},
      {"unsloth_version", FieldUse::Harmless, kOrigin},
      {"unsloth_fixed", FieldUse::Harmless, kOrigin},
      {"is_llama_config", FieldUse::Harmless, kOrigin},
      {"_commit_hash", FieldUse::Harmless, kOrigin},
      {"torch_dtype", FieldUse::Harmless, "each tensor says its own type, and the recipe how is computed"},
      {"dtype", FieldUse::Harmless, "each tensor says its own type, and the recipe how is computed"},

      {"initializer_range", FieldUse::Harmless, kTraining},
      {"gradient_checkpointing", FieldUse::Harmless, kTraining},
      {"attention_dropout", FieldUse::Harmless, kTraining},
      {"hidden_dropout_prob", FieldUse::Harmless, kTraining},
      {"attention_probs_dropout_prob", FieldUse::Harmless, kTraining},
      {"max_sequence_length", FieldUse::Harmless, kTraining},
      {"output_past", FieldUse::Harmless, kOutputs},
      {"return_dict", FieldUse::Harmless, kOutputs},
      {"output_hidden_states", FieldUse::Harmless, kOutputs},
      {"output_attentions", FieldUse::Harmless, kOutputs},
      {"tie_last_hidden_states", FieldUse::Harmless, kOutputs},
      {"use_cache", FieldUse::Harmless, kSpeed},
      {"torchscript", FieldUse::Harmless, kSpeed},
      {"use_bfloat16", FieldUse::Harmless, kSpeed},
      {"xla_device", FieldUse::Harmless, kSpeed},
      {"chunk_size_feed_forward", FieldUse::Harmless, kSpeed},
      {"pretraining_tp", FieldUse::Harmless, kSpeed},
      {"attn_implementation", FieldUse::Harmless, kSpeed},
      {"_attn_implementation", FieldUse::Harmless, kSpeed},
      {"_attn_implementation_autoset", FieldUse::Harmless, kSpeed},
      {"experts_implementation", FieldUse::Harmless, kSpeed},
      {"tf_legacy_loss", FieldUse::Harmless, kTraining},

      {"num_labels", FieldUse::Harmless, kClasses},
      {"_num_labels", FieldUse::Harmless, kClasses},
      {"id2label", FieldUse::Harmless, kClasses},
      {"label2id", FieldUse::Harmless, kClasses},
      {"problem_type", FieldUse::Harmless, kClasses},
      {"classifier_dropout", FieldUse::Harmless, kClasses},
      {"finetuning_task", FieldUse::Harmless, kClasses},
      {"task_specific_params", FieldUse::Harmless, "settings for pipelines that a caller must ask for by name"},

      {"tokenizer_class", FieldUse::Harmless, kText},
      {"bos_token_id", FieldUse::Harmless, kText},
      {"pad_token_id", FieldUse::Harmless, kText},
      {"sep_token_id", FieldUse::Harmless, kText},
      {"unk_token_id", FieldUse::Harmless, kText},
      {"cls_token_id", FieldUse::Harmless, kText},
      {"mask_token_id", FieldUse::Harmless, kText},
      {"decoder_start_token_id", FieldUse::Harmless, "only encoder-decoders start with it"},
      {"prefix", FieldUse::Harmless, "put before a text by pipelines of other tasks"},

      {"max_length", FieldUse::Harmless, kGeneration},
      {"min_length", FieldUse::Harmless, kGeneration},
      {"do_sample", FieldUse::Harmless, kGeneration},
      {"early_stopping", FieldUse::Harmless, kGeneration},
      {"num_beams", FieldUse::Harmless, kGeneration},
      {"num_beam_groups", FieldUse::Harmless, kGeneration},
      {"diversity_penalty", FieldUse::Harmless, kGeneration},
      {"temperature", FieldUse::Harmless, kGeneration},
      {"top_k", FieldUse::Harmless, kGeneration},
      {"top_p", FieldUse::Harmless, kGeneration},
      {"typical_p", FieldUse::Harmless, kGeneration},
      {"epsilon_cutoff", FieldUse::Harmless, kGeneration},
      {"eta_cutoff", FieldUse::Harmless, kGeneration},
      {"repetition_penalty", FieldUse::Harmless, kGeneration},
      {"encoder_repetition_penalty", FieldUse::Harmless, kGeneration},
      {"length_penalty", FieldUse::Harmless, kGeneration},
      {"no_repeat_ngram_size", FieldUse::Harmless, kGeneration},
      {"encoder_no_repeat_ngram_size", FieldUse::Harmless, kGeneration},
      {"bad_words_ids", FieldUse::Harmless, kGeneration},
      {"num_return_sequences", FieldUse::Harmless, kGeneration},
      {"output_scores", FieldUse::Harmless, kGeneration},
      {"return_dict_in_generate", FieldUse::Harmless, kGeneration},
      {"forced_bos_token_id", FieldUse::Harmless, kGeneration},
      {"forced_eos_token_id", FieldUse::Harmless, kGeneration},
      {"remove_invalid_values", FieldUse::Harmless, kGeneration},
      {"exponential_decay_length_penalty", FieldUse::Harmless, kGeneration},
      {"suppress_tokens", FieldUse::Harmless, kGeneration},
      {"begin_suppress_tokens", FieldUse::Harmless, kGeneration},
  };
  return table;
}
