// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Embedding and head: one table or two, whatever config.json says. The numbers are compared with transformers' in
// VariantNumbersTest.cpp.
#include "frontends/huggingface/TiedHead.h"
#include "frontends/families/ModelConfig.h"
#include "test/unit/frontends/TemporaryFolder.h"

#include <gtest/gtest.h>

using namespace lmopt;
using test::TemporaryFolder;

namespace {
struct Table {
  const char *name;
  const char *type;
  std::string bytes; // two rows of two
};

constexpr char kEmbedding[] = "model.embed_tokens.weight", kHead[] = "lm_head.weight";
const std::string kBf16("\x80\x3f\x00\x40\x40\x40\x80\x40", 8);                      // 1 2 3 4
const std::string kF32("\0\0\x80\x3f\0\0\x00\x40\0\0\x40\x40\0\0\x80\x40", 16);      // the same
const std::string kOtherF32("\0\0\x80\x3f\0\0\x00\x40\0\0\x40\x40\1\0\x80\x40", 16); // one bit more

struct Resolved {
  HeadTables tables;
  DecoderConfig config;
};
} // namespace

static Resolved resolve(const std::vector<Table> &tables, bool tied = true) {
  TemporaryFolder folder;
  std::vector<SafetensorsWriter::Tensor> list;
  for (const Table &table : tables)
    list.push_back({table.name, table.type, {2, 2}});
  Result<SafetensorsWriter> writer = SafetensorsWriter::create(folder / "model.safetensors", list);
  for (const Table &table : tables)
    EXPECT_TRUE(writer->append(table.bytes.data(), table.bytes.size()));
  EXPECT_TRUE(writer->finish());
  Result<Checkpoint> checkpoint = Checkpoint::open(folder.path());
  Resolved resolved;
  resolved.config.tiedHead = tied;
  Result<HeadTables> result =
      resolveHead(*checkpoint, kEmbedding, kHead, resolved.config.tiedHead, resolved.config.warnings);
  EXPECT_TRUE(result);
  resolved.tables = result.take();
  return resolved;
}

TEST(TiedHead, OneTable) {
  for (const Resolved &resolved :
       {resolve({{kEmbedding, "F32", kF32}}), resolve({{kEmbedding, "F32", kF32}, {kHead, "F32", kF32}}),
        resolve({{kEmbedding, "BF16", kBf16}, {kHead, "F32", kF32}})}) {
    EXPECT_TRUE(resolved.config.tiedHead);
    EXPECT_EQ(resolved.tables.embedding, kEmbedding);
    EXPECT_TRUE(resolved.config.warnings.empty());
  }
  EXPECT_TRUE(resolve({{kEmbedding, "F32", kF32}, {kHead, "F32", kF32}}).tables.headIsCopy);
  EXPECT_FALSE(resolve({{kEmbedding, "F32", kF32}}).tables.headIsCopy);
}

TEST(TiedHead, OnlyTheHeadIsThere) {
  Resolved resolved = resolve({{kHead, "F32", kF32}});
  EXPECT_TRUE(resolved.config.tiedHead);
  EXPECT_EQ(resolved.tables.embedding, kHead);
  EXPECT_FALSE(resolved.tables.headIsCopy);
}

TEST(TiedHead, TwoTables) {
  for (const Resolved &resolved : {resolve({{kEmbedding, "F32", kF32}, {kHead, "F32", kOtherF32}}),
                                   resolve({{kEmbedding, "BF16", kBf16}, {kHead, "F32", kOtherF32}})}) {
    EXPECT_FALSE(resolved.config.tiedHead);
    EXPECT_FALSE(resolved.tables.headIsCopy);
    ASSERT_EQ(resolved.config.warnings.size(), 1u);
    EXPECT_NE(resolved.config.warnings[0].find("differ; both are used, as in transformers"), std::string::npos);
  }
}

TEST(TiedHead, NotTied) {
  Resolved resolved = resolve({{kEmbedding, "F32", kF32}, {kHead, "F32", kF32}}, /*tied=*/false);
  EXPECT_FALSE(resolved.config.tiedHead);
  EXPECT_FALSE(resolved.tables.headIsCopy);
  EXPECT_TRUE(resolved.config.warnings.empty());
}
