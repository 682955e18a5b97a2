// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes the tokenizer that the fake models carry: WordPiece over single characters, 97 tokens, so that the example
// programs can run on them. Usage: make-fake-tokenizer OUTPUT
#include "frontends/tokenizer/TokenizerBuilder.h"

#include <cstdio>
#include <fstream>

/// [PAD] [UNK] [CLS] [SEP], a-z, ##a-##z, and as many numbered words as make 97.
static std::string vocabulary() {
  std::string json = R"("[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3)";
  int id = 4;
  for (std::string prefix : {"", "##"})
    for (char c = 'a'; c <= 'z'; ++c, ++id)
      json += ", \"" + prefix + c + "\": " + std::to_string(id);
  for (; id < 97; ++id)
    json += ", \"word" + std::to_string(id) + "\": " + std::to_string(id);
  return json;
}

static std::string special(int id, const std::string &content) {
  return R"({"id": )" + std::to_string(id) + R"(, "content": ")" + content +
         R"(", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true})";
}

int main(int argc, char **argv) {
  std::string text = R"({"version": "1.0", "truncation": null, "padding": null, "added_tokens": [)" +
                     special(0, "[PAD]") + "," + special(1, "[UNK]") + "," + special(2, "[CLS]") + "," +
                     special(3, "[SEP]") + R"(],
    "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
                   "lowercase": true},
    "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": null,
    "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100, "vocab": {)" +
                     vocabulary() + "}}}";
  lmopt::Result<std::string> blob = lmopt::buildTokenizerFromJson(text, "");
  if (!blob) {
    std::fprintf(stderr, "%s\n", blob.error().message.c_str());
    return 1;
  }
  std::ofstream file(argv[argc - 1], std::ios::binary);
  file << *blob;
  return argc == 2 && file.good() ? 0 : 1;
}
