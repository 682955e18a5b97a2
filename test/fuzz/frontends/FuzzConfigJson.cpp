// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fuzz target fuzz-config-json: any text as config.json and as the small JSON files beside it.
// Seeds: corpus/fuzz-config-json, made by make_seeds.py.
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
  check(parseLlamaConfig(*json, "fuzz.json"));
  check(parseBertConfig(*json, "fuzz.json"));
  check(parseSentencePipeline(*json, "fuzz"));
  check(parseChatTemplate(*json, "fuzz.json"));
  check(parseEndTokens(*json, "fuzz.json"));
  BertConfig bert;
  bert.width = 64;
  check(applyPooling(*json, "fuzz.json", bert));
  check(checkSentenceModel(*json, "fuzz.json", bert));
  Warnings warnings;
  check(parseTransformerSettings(*json, "fuzz.json", warnings));
  check(parseTokenizerLimit(*json, "fuzz.json"));
  check(checkFields(*json, generationFields(), "fuzz.json", warnings));
  check(checkFields(*json, normalizeFields(), "fuzz.json", warnings));
  (void)lowersCase(*json);
  return 0;
}
