// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tensors of static embeddings as one table: clusters of tokens, weights, types; what contradicts itself.
#include "frontends/families/static/Static.h"
#include "test/unit/frontends/StaticFolder.h"

using namespace lmopt;
using test::bytesOfNumbers;
using Tensors = std::vector<test::StaticFolder::Tensor>;

namespace {
struct StaticTensors : testing::Test {
  Result<StaticConfig> read(const Tensors &tensors) {
    folder.writeTensors(tensors);
    Result<Checkpoint> checkpoint = Checkpoint::open(folder.path());
    EXPECT_TRUE(checkpoint) << checkpoint.error().message;
    StaticConfig config;
    Result<void> done = readStaticTensors(*checkpoint, config);
    return done ? Result<StaticConfig>(config) : Result<StaticConfig>(done.error());
  }
  std::vector<float> rows(const Tensors &tensors) {
    Result<StaticConfig> config = read(tensors);
    EXPECT_TRUE(config) << config.error().message;
    return config ? config->rows : std::vector<float>();
  }
  void expectError(const Tensors &tensors, int code, const char *part) {
    Result<StaticConfig> config = read(tensors);
    ASSERT_FALSE(config) << part;
    EXPECT_EQ(config.error().code, code) << config.error().message;
    EXPECT_NE(config.error().message.find(part), std::string::npos) << config.error().message;
  }

  test::StaticFolder folder;
};

using Bytes = std::vector<int8_t>;
using Floats = std::vector<float>;

test::StaticFolder::Tensor codes() { return {"embeddings", "I8", {2, 2}, bytesOfNumbers(Bytes{1, -2, 3, -127})}; }
test::StaticFolder::Tensor mapping(const std::vector<int64_t> &rows) {
  return {"mapping", "I64", {static_cast<int64_t>(rows.size())}, bytesOfNumbers(rows)};
}
} // namespace

TEST_F(StaticTensors, ATableOfFloatsStaysInItsFile) {
  for (const char *name : {"embeddings", "embedding.weight"}) {
    Result<StaticConfig> config = read({{name, "F16", {3, 2}, std::string(12, '\0')}});
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->table, name);
    EXPECT_TRUE(config->rows.empty());
    EXPECT_EQ(config->vocabulary, 3);
    EXPECT_EQ(config->width, 2);
  }
}

TEST_F(StaticTensors, TokensShareRows) {
  Result<StaticConfig> config = read({codes(), mapping({1, 0, 1})});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->vocabulary, 3);
  EXPECT_EQ(config->rows, (Floats{3, -127, 1, -2, 3, -127}));
  EXPECT_EQ(config->table, "");
}

TEST_F(StaticTensors, WeightsAreOfTokens) {
  test::StaticFolder::Tensor weights = {"weights", "F32", {3}, bytesOfNumbers(Floats{2, 0.5f, -1})};
  EXPECT_EQ(rows({codes(), mapping({1, 0, 1}), weights}), (Floats{6, -254, 0.5f, -1, -3, 127}));
  test::StaticFolder::Tensor doubles = {"weights", "F64", {2}, bytesOfNumbers(std::vector<double>{2, 3})};
  EXPECT_EQ(rows({codes(), doubles}), (Floats{2, -4, 9, -381}));
}

TEST_F(StaticTensors, Types) {
  EXPECT_EQ(rows({codes()}), (Floats{1, -2, 3, -127}));
  EXPECT_EQ(rows({{"embeddings", "F64", {1, 2}, bytesOfNumbers(std::vector<double>{0.5, 7})}}), (Floats{0.5f, 7}));
  std::vector<int32_t> small = {1, 1};
  EXPECT_EQ(rows({codes(), {"mapping", "I32", {2}, bytesOfNumbers(small)}}), (Floats{3, -127, 3, -127}));
}

/// A row of a million numbers for a thousand tokens each.
TEST_F(StaticTensors, LargeTablesOfSmallFiles) {
  test::StaticFolder::Tensor row = {"embeddings", "I8", {1, 1 << 20}, std::string(1 << 20, '\1')};
  expectError({row, mapping(std::vector<int64_t>(1024))}, 4, "beyond 2^29 numbers");
}

TEST_F(StaticTensors, Contradictions) {
  expectError({{"other", "F32", {2}, std::string(8, '\0')}}, 3, "found neither");
  expectError({codes(), {"embedding.weight", "F32", {1, 1}, std::string(4, '\0')}}, 3, "which one counts");
  expectError({{"embeddings", "F32", {4}, std::string(16, '\0')}}, 3, "expected a matrix");
  expectError({codes(), mapping({0, 2})}, 3, "row 2 is not one of the 2");
  expectError({codes(), mapping({-1})}, 3, "row -1");
  expectError({codes(), {"mapping", "F32", {1}, std::string(4, '\0')}}, 4, "dtype F32");
  expectError({codes(), {"mapping", "I64", {1, 1}, std::string(8, '\0')}}, 3, "expected a vector");
  expectError({codes(), {"weights", "F32", {3}, std::string(12, '\0')}}, 3, "each of the 2 tokens");
  expectError({codes(), mapping({0, 1, 1}), {"weights", "F32", {2}, std::string(8, '\0')}}, 3, "each of the 3 tokens");
  expectError({codes(), {"weights", "I64", {2}, std::string(16, '\0')}}, 4, "dtype I64");
}
