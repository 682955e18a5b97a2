// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tokenizers of the two real models on stored texts in many scripts, code, emoji, white space and bad bytes: the
// ids are those of llama.cpp and of the `tokenizers` package (test/tools/tokenizer_golden.py wrote them). Needs the
// models in $LMOPT_MODELS or build/models (script/fetch-models).
#include "files/File.h"
#include "frontends/tokenizer/ShortList.h"
#include "frontends/tokenizer/TokenizerBuilder.h"
#include "test/unit/tokenizer/Support.h"

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace lmopt;
using namespace lmopt::test;
using nlohmann::json;

static std::string modelPath(const std::string &name) {
  const char *folder = std::getenv("LMOPT_MODELS");
  return (folder ? folder : std::string(LMOPT_SOURCE_DIR) + "/build/models") + "/" + name;
}

static std::string textOf(const json &entry) {
  if (entry.contains("text"))
    return entry["text"];
  std::string hex = entry["hex"], text;
  for (size_t i = 0; i < hex.size(); i += 2)
    text += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return text;
}

static void compare(const std::string &golden, const Opened &tokenizer) {
  std::ifstream stream(std::string(LMOPT_SOURCE_DIR) + "/test/unit/tokenizer/golden/" + golden);
  json entries = json::parse(stream);
  ASSERT_GT(entries.size(), 100u);
  for (const json &entry : entries) {
    std::string text = textOf(entry);
    EXPECT_EQ(tokenizer.encode(text), entry["ids"].get<Ids>()) << entry;
    EXPECT_EQ(tokenizer.encode(text, 0), entry["plain"].get<Ids>()) << entry;
  }
}

TEST(Golden, SmolLm2) {
  Result<GgufFile> file = GgufFile::open(modelPath("smol.gguf"));
  ASSERT_TRUE(file.ok()) << file.error().message << "; run script/fetch-models";
  Result<std::string> blob = buildTokenizerFromGguf(*file);
  ASSERT_TRUE(blob.ok()) << blob.error().message;
  compare("smollm2.json", Opened(blob.take()));
}

TEST(Golden, MiniLm) {
  Result<std::string> text = readSmallFile(modelPath("minilm/tokenizer.json"), 64 << 20);
  ASSERT_TRUE(text.ok()) << text.error().message << "; run script/fetch-models";
  Result<std::string> blob = buildTokenizerFromJson(*text, "");
  ASSERT_TRUE(blob.ok()) << blob.error().message;
  compare("minilm.json", Opened(blob.take()));
}

/// What the text of each model's own tokens becomes, decoded again, is the text: no token is lost between the tables.
TEST(Golden, SmolLm2RoundTrip) {
  Result<GgufFile> file = GgufFile::open(modelPath("smol.gguf"));
  ASSERT_TRUE(file.ok()) << file.error().message << "; run script/fetch-models";
  Opened tokenizer(buildTokenizerFromGguf(*file).take());
  const std::string text = "Straße, 世界! don't 123\n\t<|im_start|> naïve 🤗🏳️‍🌈 e\u0301";
  std::string joined;
  for (const std::string &piece : tokenizer.pieces(text))
    joined += piece;
  EXPECT_EQ(joined, text);
}

/// Pieces inside words without the mark that says so.
static std::string withoutPrefixes(const std::vector<std::string> &pieces) {
  std::string text;
  for (const std::string &piece : pieces)
    text += piece.size() > 2 && piece.compare(0, 2, "##") == 0 ? piece.substr(2) : piece;
  return text;
}

/// Cut to every second of the stored texts: those become the same tokens as before, and all others the same bytes.
static void shorten(const std::string &golden, const std::string &blob) {
  std::ifstream stream(std::string(LMOPT_SOURCE_DIR) + "/test/unit/tokenizer/golden/" + golden);
  json entries = json::parse(stream);
  ShortList list = ShortList::create(blob, "test").take();
  for (size_t i = 0; i < entries.size(); i += 2)
    ASSERT_TRUE(list.addText(textOf(entries[i])).ok());
  Opened before(blob), after(list.writeTokenizer().take());
  std::vector<int64_t> kept = list.kept();
  EXPECT_LT(kept.size(), list.vocabulary() / 4);
  for (size_t i = 0; i < entries.size(); ++i) {
    std::string text = textOf(entries[i]);
    if (i % 2 == 0) {
      Ids ids = after.encode(text);
      for (int32_t &id : ids)
        id = static_cast<int32_t>(kept.at(id));
      EXPECT_EQ(ids, entries[i]["ids"].get<Ids>()) << entries[i];
    }
    EXPECT_EQ(withoutPrefixes(after.pieces(text)), withoutPrefixes(before.pieces(text))) << entries[i];
  }
}

TEST(Golden, SmolLm2ShortList) {
  Result<GgufFile> file = GgufFile::open(modelPath("smol.gguf"));
  ASSERT_TRUE(file.ok()) << file.error().message << "; run script/fetch-models";
  shorten("smollm2.json", buildTokenizerFromGguf(*file).take());
}

TEST(Golden, MiniLmShortList) {
  Result<std::string> text = readSmallFile(modelPath("minilm/tokenizer.json"), 64 << 20);
  ASSERT_TRUE(text.ok()) << text.error().message << "; run script/fetch-models";
  shorten("minilm.json", buildTokenizerFromJson(*text, "").take());
}
