// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The settings of GPTQ, AWQ and compressed-tensors. From: their configuration classes and transformers' ones of the
// same name. Tested by test/unit/frontends/FieldTablesTest.cpp.
#include "frontends/huggingface/Quantization.h"

using namespace lmopt;

static constexpr char kMethod[] = "the method";
static constexpr char kShapes[] = "the shapes of each module's tensors say it";
static constexpr char kMaking[] = "how the codes were chosen";
static constexpr char kSpeed[] = "chooses how the Python class computes, not what";
static constexpr char kOrigin[] = "says who made the file and how";
static constexpr char kModules[] = "which modules have codes: their tensors say it";

const FieldTable &lmopt::gptqFields() {
  static const FieldTable table = {
      {"quant_method", FieldUse::Read, kMethod},
      {"checkpoint_format", FieldUse::Read, "gptq, whose zero points are stored less one, or gptq_v2"},
      {"bits", FieldUse::Harmless, kShapes},
      {"group_size", FieldUse::Harmless, kShapes},
      {"dynamic", FieldUse::Harmless, kShapes},
      {"desc_act", FieldUse::Harmless, "the tensor g_idx says it"},
      {"sym", FieldUse::Harmless, "the zero points say it"},
      {"is_marlin_format", FieldUse::Only, "codes in the order of a GPU kernel; save it without", "[false]"},
      {"pack_dtype", FieldUse::Only, "words of another size", R"(["int32", "torch.int32"])"},
      {"format", FieldUse::Only, "codes in the order of a GPU kernel", R"(["gptq", "gptq_v2"])"},
      {"lm_head", FieldUse::Harmless, kModules},
      {"block_name_to_quantize", FieldUse::Harmless, kModules},
      {"modules_in_block_to_quantize", FieldUse::Harmless, kModules},
      {"modules_to_not_convert", FieldUse::Harmless, kModules},
      {"module_name_preceding_first_block", FieldUse::Harmless, kModules},
      {"damp_percent", FieldUse::Harmless, kMaking},
      {"damp_auto_increment", FieldUse::Harmless, kMaking},
      {"static_groups", FieldUse::Harmless, kMaking},
      {"true_sequential", FieldUse::Harmless, kMaking},
      {"act_group_aware", FieldUse::Harmless, kMaking},
      {"hyb_act", FieldUse::Harmless, kMaking},
      {"mse", FieldUse::Harmless, kMaking},
      {"dataset", FieldUse::Harmless, kMaking},
      {"tokenizer", FieldUse::Harmless, kMaking},
      {"batch_size", FieldUse::Harmless, kMaking},
      {"pad_token_id", FieldUse::Harmless, kMaking},
      {"model_seqlen", FieldUse::Harmless, kMaking},
      {"cache_block_outputs", FieldUse::Harmless, kMaking},
      {"use_cuda_fp16", FieldUse::Harmless, kSpeed},
      {"use_exllama", FieldUse::Harmless, kSpeed},
      {"disable_exllama", FieldUse::Harmless, kSpeed},
      {"exllama_config", FieldUse::Harmless, kSpeed},
      {"max_input_length", FieldUse::Harmless, kSpeed},
      {"backend", FieldUse::Harmless, kSpeed},
      {"model_name_or_path", FieldUse::Harmless, kOrigin},
      {"model_file_base_name", FieldUse::Harmless, kOrigin},
      {"meta", FieldUse::Harmless, kOrigin},
  };
  return table;
}

const FieldTable &lmopt::awqFields() {
  static const FieldTable table = {
      {"quant_method", FieldUse::Read, kMethod},
      {"version", FieldUse::Only, "codes in another order; convert it to gemm", R"(["gemm", "GEMM"])"},
      {"backend", FieldUse::Only, "codes in another order", R"(["autoawq", "auto", "gptqmodel"])"},
      {"bits", FieldUse::Harmless, kShapes},
      {"w_bit", FieldUse::Harmless, kShapes},
      {"group_size", FieldUse::Harmless, kShapes},
      {"q_group_size", FieldUse::Harmless, kShapes},
      {"zero_point", FieldUse::Harmless, "the zero points say it"},
      {"modules_to_not_convert", FieldUse::Harmless, kModules},
      {"do_fuse", FieldUse::Harmless, kSpeed},
      {"modules_to_fuse", FieldUse::Harmless, kSpeed},
      {"fuse_max_seq_len", FieldUse::Harmless, kSpeed},
      {"exllama_config", FieldUse::Harmless, kSpeed},
  };
  return table;
}

const FieldTable &lmopt::compressedFields() {
  static const FieldTable table = {
      {"quant_method", FieldUse::Read, kMethod},
      {"format", FieldUse::Only, "weights that are no integers, or sparse",
       R"(["pack-quantized", "int-quantized", "naive-quantized"])"},
      {"quantization_status", FieldUse::Only, "weights that are not stored in codes; save it compressed",
       R"(["compressed"])"},
      {"config_groups", FieldUse::Read, "see below"},
      {"kv_cache_scheme", FieldUse::Only, "a cache in fewer bits"},
      {"sparsity_config", FieldUse::Only, "weights without their zeros", "[{}]"},
      {"moe_sparsity_config", FieldUse::Only, "experts without some of their weights", "[{}]"},
      {"transform_config", FieldUse::Only, "rotations of what linears read", "[{}]"},
      {"ignore", FieldUse::Harmless, kModules},
      {"global_compression_ratio", FieldUse::Harmless, kOrigin},
      {"version", FieldUse::Harmless, kOrigin},
      {"run_compressed", FieldUse::Harmless, kSpeed},
  };
  return table;
}

const FieldTable &lmopt::compressedGroupFields() {
  static const FieldTable table = {
      {"weights", FieldUse::Read, "see below"},
      {"input_activations", FieldUse::Read, "see below"},
      {"output_activations", FieldUse::Only, "results of linears in fewer bits"},
      {"targets", FieldUse::Harmless, kModules},
      {"format", FieldUse::Only, "weights that are no integers, or sparse",
       R"(["pack-quantized", "int-quantized", "naive-quantized"])"},
  };
  return table;
}

const FieldTable &lmopt::compressedWeightFields() {
  static const FieldTable table = {
      {"type", FieldUse::Only, "codes that are no integers", R"(["int"])"},
      {"strategy", FieldUse::Only, "scales of blocks", R"(["tensor", "channel", "group"])"},
      {"dynamic", FieldUse::Only, "weights quantized while the model runs", "[false]"},
      {"num_bits", FieldUse::Harmless, kShapes},
      {"group_size", FieldUse::Harmless, kShapes},
      {"block_structure", FieldUse::Only, "scales of blocks"},
      {"symmetric", FieldUse::Harmless, "the tensor weight_zero_point says it"},
      {"actorder", FieldUse::Harmless, "the tensor weight_g_idx says it"},
      {"scale_dtype", FieldUse::Harmless, "each tensor says its own type"},
      {"zp_dtype", FieldUse::Harmless, "each tensor says its own type"},
      {"observer", FieldUse::Harmless, kMaking},
      {"observer_kwargs", FieldUse::Harmless, kMaking},
  };
  return table;
}

const FieldTable &lmopt::compressedActivationFields() {
  static const FieldTable table = {
      {"type", FieldUse::Only, "codes that are no integers", R"(["int"])"},
      {"dynamic", FieldUse::Only, "scales of activations that are constants of the model", "[true]"},
      {"num_bits", FieldUse::Only, "activations in fewer bits", "[8]"},
      {"strategy", FieldUse::Harmless,
       "codes of activations are made while the model runs, as the recipe says: one scale a token in int8, one a group "
       "in native, none in f32"},
      {"group_size", FieldUse::Harmless, "as strategy"},
      {"symmetric", FieldUse::Harmless, "as strategy"},
      {"block_structure", FieldUse::Only, "scales of blocks"},
      {"actorder", FieldUse::Harmless, kMaking},
      {"scale_dtype", FieldUse::Harmless, "as strategy"},
      {"zp_dtype", FieldUse::Harmless, "as strategy"},
      {"observer", FieldUse::Harmless, kMaking},
      {"observer_kwargs", FieldUse::Harmless, kMaking},
  };
  return table;
}
