// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// generation_config.json. `lmopt run` takes the most probable token unless its flags ask for a draw, so settings of
// sampling and length are defaults that the user replaces by flags. What changes which token is the most probable one,
// or where a text ends, is another matter. From: transformers' GenerationConfig and the list of logits processors in
// generation/utils.py. Tested by test/unit/frontends/FieldTablesTest.cpp.
#include "frontends/huggingface/Tables.h"

using namespace lmopt;

static constexpr char kOrigin[] = "says who made the file and how";
static constexpr char kSampling[] = "sampling: the flags of lmopt run decide, the most probable token by default";
static constexpr char kBeams[] = "beam search, which lmopt run does not do";
static constexpr char kLength[] = "length: the flags of lmopt run decide";
static constexpr char kSpeed[] = "chooses how the Python class computes, not what";
static constexpr char kOutputs[] = "chooses what the Python class returns beside the tokens";
static constexpr char kForbids[] = "tokens that may not follow, or not yet; remove it if you decode without it";
static constexpr char kEncoder[] = "only encoder-decoders use it";

const FieldTable &lmopt::generationFields() {
  static const FieldTable table = {
      {"eos_token_id", FieldUse::Read, "the tokens that end a text"},
      {"bos_token_id", FieldUse::Harmless, "the tokenizer decides what a text begins with"},
      {"pad_token_id", FieldUse::Harmless, "nothing is padded"},
      {"decoder_start_token_id", FieldUse::Harmless, kEncoder},
      {"encoder_no_repeat_ngram_size", FieldUse::Harmless, kEncoder},
      {"encoder_repetition_penalty", FieldUse::Only, "applied to the prompt as if it were the encoder's", "[1]"},

      {"repetition_penalty", FieldUse::Told,
       "transformers makes tokens that were there less probable, also without sampling; lmopt run does not", "[1]"},
      {"no_repeat_ngram_size", FieldUse::Only, kForbids, "[0]"},
      {"bad_words_ids", FieldUse::Only, kForbids, "[[]]"},
      {"suppress_tokens", FieldUse::Only, kForbids, "[[]]"},
      {"begin_suppress_tokens", FieldUse::Only, kForbids, "[[]]"},
      {"min_length", FieldUse::Only, kForbids, "[0]"},
      {"min_new_tokens", FieldUse::Only, kForbids, "[0]"},
      {"exponential_decay_length_penalty", FieldUse::Only,
       "an end that grows more probable; remove it if you decode "
       "without it"},
      {"sequence_bias", FieldUse::Only, "tokens made more or less probable; remove it if you decode without it",
       "[[], {}]"},
      {"forced_bos_token_id", FieldUse::Only, "a first token that is always the same"},
      {"forced_eos_token_id", FieldUse::Only, "a last token that is always the same"},
      {"guidance_scale", FieldUse::Only, "classifier-free guidance", "[1]"},
      {"watermarking_config", FieldUse::Only, "a watermark in the choice of tokens"},
      {"token_healing", FieldUse::Only, "the end of the prompt tokenized again", "[false]"},
      {"stop_strings", FieldUse::Only, "texts that end a generation; lmopt ends at tokens only", "[[]]"},
      {"constraints", FieldUse::Only, kBeams},
      {"force_words_ids", FieldUse::Only, kBeams},
      {"penalty_alpha", FieldUse::Only, "contrastive search, which lmopt run does not do", "[0]"},
      {"dola_layers", FieldUse::Only, "a comparison with earlier layers"},
      {"assistant_ensemble_weight", FieldUse::Only, "a mixture with another model"},
      {"custom_generate", FieldUse::Only, "code of the checkpoint, which lmopt does not run"},

      {"do_sample", FieldUse::Harmless, kSampling},
      {"temperature", FieldUse::Harmless, kSampling},
      {"top_k", FieldUse::Harmless, kSampling},
      {"top_p", FieldUse::Harmless, kSampling},
      {"top_h", FieldUse::Harmless, kSampling},
      {"min_p", FieldUse::Harmless, kSampling},
      {"typical_p", FieldUse::Harmless, kSampling},
      {"epsilon_cutoff", FieldUse::Harmless, kSampling},
      {"eta_cutoff", FieldUse::Harmless, kSampling},
      {"num_beams", FieldUse::Told, kBeams, "[1]"},
      {"num_beam_groups", FieldUse::Harmless, kBeams},
      {"diversity_penalty", FieldUse::Harmless, kBeams},
      {"length_penalty", FieldUse::Harmless, kBeams},
      {"early_stopping", FieldUse::Harmless, kBeams},
      {"max_length", FieldUse::Harmless, kLength},
      {"max_new_tokens", FieldUse::Harmless, kLength},
      {"max_time", FieldUse::Harmless, kLength},
      {"num_return_sequences", FieldUse::Harmless, kOutputs},
      {"output_attentions", FieldUse::Harmless, kOutputs},
      {"output_hidden_states", FieldUse::Harmless, kOutputs},
      {"output_scores", FieldUse::Harmless, kOutputs},
      {"output_logits", FieldUse::Harmless, kOutputs},
      {"return_dict_in_generate", FieldUse::Harmless, kOutputs},
      {"return_legacy_cache", FieldUse::Harmless, kOutputs},
      {"renormalize_logits", FieldUse::Harmless, "keeps the order of the tokens"},
      {"remove_invalid_values", FieldUse::Harmless, "replaces numbers that are none, which lmopt does not make"},

      {"use_cache", FieldUse::Harmless, kSpeed},
      {"cache_implementation", FieldUse::Harmless, kSpeed},
      {"cache_config", FieldUse::Harmless, kSpeed},
      {"max_cache_len", FieldUse::Harmless, kSpeed},
      {"low_memory", FieldUse::Harmless, kSpeed},
      {"prefill_chunk_size", FieldUse::Harmless, kSpeed},
      {"compile_config", FieldUse::Harmless, kSpeed},
      {"disable_compile", FieldUse::Harmless, kSpeed},
      {"continuous_batching_config", FieldUse::Harmless, kSpeed},
      {"use_mtp", FieldUse::Harmless, kSpeed},
      {"is_assistant", FieldUse::Harmless, kSpeed},
      {"num_assistant_tokens", FieldUse::Harmless, kSpeed},
      {"num_assistant_tokens_schedule", FieldUse::Harmless, kSpeed},
      {"assistant_confidence_threshold", FieldUse::Harmless, kSpeed},
      {"assistant_early_exit", FieldUse::Harmless, kSpeed},
      {"assistant_lookbehind", FieldUse::Harmless, kSpeed},
      {"target_lookbehind", FieldUse::Harmless, kSpeed},
      {"prompt_lookup_num_tokens", FieldUse::Harmless, kSpeed},
      {"max_matching_ngram_size", FieldUse::Harmless, kSpeed},
      {"speculation_type", FieldUse::Harmless, kSpeed},
      {"attn_implementation", FieldUse::Harmless, kSpeed},
      {"_attn_implementation", FieldUse::Harmless, kSpeed},

      {"_from_model_config", FieldUse::Harmless, kOrigin},
      {"transformers_version", FieldUse::Harmless, kOrigin},
      {"_commit_hash", FieldUse::Harmless, kOrigin},
      {"model_type", FieldUse::Harmless, kOrigin},
  };
  return table;
}
