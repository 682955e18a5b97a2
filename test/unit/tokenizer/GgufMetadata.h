// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Metadata of a small GGUF tokenizer, for the tests of this folder; a test changes what it is about.
#ifndef LMOPT_TEST_UNIT_TOKENIZER_GGUFMETADATA_H
#define LMOPT_TEST_UNIT_TOKENIZER_GGUFMETADATA_H

#include "frontends/tokenizer/TokenizerBuilder.h"
#include "test/unit/frontends/GgufBytes.h"
#include "test/unit/tokenizer/Support.h"

namespace lmopt::test {

struct Metadata {
  using Words = std::vector<std::string>;
  std::string model = "gpt2", pre = "gpt-2";
  Words tokens = {"a",
                  "b",
                  "\u0120",
                  "ab",
                  "\u0120"
                  "ab",
                  "1",
                  "<s>",
                  "USER",
                  "<e>"};
  std::vector<int32_t> types = {1, 1, 1, 1, 1, 1, 3, 4, 3};
  std::vector<float> scores;
  Words merges = {"a b", "\u0120 ab"};
  std::vector<std::pair<std::string, uint32_t>> numbers = {{"tokenizer.ggml.bos_token_id", 6},
                                                           {"tokenizer.ggml.eos_token_id", 8}};
  std::vector<std::pair<std::string, bool>> switches;
  std::vector<std::pair<std::string, std::string>> texts;

  void add(const std::string &token, int32_t type) {
    tokens.push_back(token);
    types.push_back(type);
  }

  std::string bytes() const {
    uint64_t keys =
        3 + !pre.empty() + !merges.empty() + !scores.empty() + numbers.size() + switches.size() + texts.size();
    GgufBytes file(0, keys);
    file.keyString("tokenizer.ggml.model", model);
    if (!pre.empty())
      file.keyString("tokenizer.ggml.pre", pre);
    strings(file, "tokenizer.ggml.tokens", tokens);
    file.key("tokenizer.ggml.token_type", 9).u32("", 5).u64("", types.size());
    for (int32_t type : types)
      file.u32("", static_cast<uint32_t>(type));
    if (!merges.empty())
      strings(file, "tokenizer.ggml.merges", merges);
    if (!scores.empty())
      file.key("tokenizer.ggml.scores", 9).u32("", 6).u64("", scores.size());
    for (float score : scores)
      file.raw(std::string(reinterpret_cast<const char *>(&score), sizeof(score)));
    for (const auto &[key, value] : numbers)
      file.keyU32(key, value);
    for (const auto &[key, value] : switches)
      file.key(key, 7).raw(std::string(1, static_cast<char>(value)));
    for (const auto &[key, value] : texts)
      file.keyString(key, value);
    return file.finish(0);
  }

private:
  static void strings(GgufBytes &file, const std::string &key, const Words &values) {
    file.key(key, 9).u32("", 8).u64("", values.size());
    for (const std::string &value : values)
      file.string("", value);
  }
};

inline Result<std::string> tryBuild(const Metadata &metadata, const TokenizerOptions &options = {}) {
  std::string bytes = metadata.bytes();
  Result<GgufFile> file = GgufFile::parse(bytes, "m.gguf");
  EXPECT_TRUE(file.ok()) << file.error().message;
  return buildTokenizerFromGguf(*file, options);
}

inline Opened build(const Metadata &metadata, const TokenizerOptions &options = {}) {
  Result<std::string> blob = tryBuild(metadata, options);
  EXPECT_TRUE(blob.ok()) << blob.error().message;
  return Opened(blob.take());
}

} // namespace lmopt::test

#endif // LMOPT_TEST_UNIT_TOKENIZER_GGUFMETADATA_H
