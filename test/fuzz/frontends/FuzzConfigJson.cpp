// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzz target fuzz-config-json: any text as config.json of every family and as the small JSON files beside it.
// Seeds: corpus/fuzz-config-json, made by make_seeds.py.
#include "frontends/huggingface/Architecture.h"
#include "frontends/huggingface/Config.h"
#include "frontends/huggingface/SentenceTransformers.h"
#include "frontends/huggingface/Tables.h"
#include "frontends/huggingface/TextFiles.h"

#include <cstdlib>

using namespace lmopt;

/// Whatever is wrong with a text is malformed or not supported, nothing else.
template <class T>
static void check(const Result<T> &result) {
  if (!result && result.error().code != kErrorMalformed && result.error().code != kErrorUnsupported)
    std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Result<nlohmann::json> json = parseJson({reinterpret_cast<const char *>(data), size}, "fuzz.json");
  check(json);
  if (!json)
    return 0;
  check(detectFamily(*json, "fuzz.json"));
  for (const Family &family : allFamilies())
    if (family.huggingFace)
      check(readConfig(family, *json, "fuzz.json"));
  check(parseSentencePipeline(*json, "fuzz"));
  check(parseChatTemplate(*json, "fuzz.json"));
  check(parseEndTokens(*json, "fuzz.json"));
  EncoderConfig encoder;
  encoder.width = 64;
  check(applyPooling(*json, "fuzz.json", encoder));
  check(applyDense(*json, "fuzz.json", "2_Dense", encoder));
  check(applySentenceModel(*json, "fuzz.json", encoder));
  check(parseSentencePipeline(*json, "fuzz", /*isCrossEncoder=*/true));
  encoder.head = HeadConfig();
  check(applyCrossEncoder(*json, "fuzz.json", encoder));
  Warnings warnings;
  check(parseTransformerSettings(*json, "fuzz.json", warnings));
  check(parseTransformerSettings(*json, "fuzz.json", warnings, /*isCrossEncoder=*/true));
  check(parseTokenizerLimit(*json, "fuzz.json"));
  check(checkFields(*json, generationFields(), "fuzz.json", warnings));
  check(checkFields(*json, normalizeFields(), "fuzz.json", warnings));
  (void)lowersCase(*json);
  return 0;
}
