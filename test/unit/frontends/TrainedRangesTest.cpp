// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ranges of quantization-aware training in checkpoints: what each tool writes, what is refused and with which words.
#include "frontends/huggingface/TrainedRanges.h"
#include "test/unit/frontends/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace lmopt;
using test::TemporaryFolder;

namespace {

struct Entry {
  std::string name, type;
  std::vector<int64_t> shape;
  std::vector<float> numbers;
};
using Entries = std::vector<Entry>;

std::string bytesOf(const Entry &entry) {
  std::string bytes;
  for (float number : entry.numbers) {
    bool isFloat = entry.type == "F32";
    int64_t integer = isFloat ? 0 : static_cast<int64_t>(number);               // NaN is no integer
    const void *from = isFloat ? static_cast<const void *>(&number) : &integer; // little-endian
    bytes.append(static_cast<const char *>(from), safetensorsType(entry.type)->bytes);
  }
  return bytes;
}

class TrainedRangesTest : public ::testing::Test {
protected:
  TrainedRanges open(const Entries &entries) {
    std::vector<SafetensorsWriter::Tensor> list;
    for (const Entry &entry : entries)
      list.push_back({entry.name, safetensorsType(entry.type)->name, entry.shape});
    Result<SafetensorsWriter> writer = SafetensorsWriter::create(folder / "model.safetensors", list);
    for (const Entry &entry : entries) {
      std::string bytes = bytesOf(entry);
      EXPECT_TRUE(writer->append(bytes.data(), bytes.size()));
    }
    EXPECT_TRUE(writer->finish());
    checkpoint.emplace(Checkpoint::open(folder.path()).take());
    return TrainedRanges(*checkpoint);
  }
  /// The error of the weight of x with 3 rows, or of its input, or of its output.
  std::string refusal(const Entries &entries, int code) {
    TrainedRanges ranges = open(entries);
    std::optional<Error> error;
    auto look = [&](const auto &result) {
      if (!result && !error)
        error = result.error();
    };
    look(ranges.ofWeight("x", 3)), look(ranges.ofInput("x")), look(ranges.ofOutput("x"));
    EXPECT_TRUE(error);
    EXPECT_EQ(error ? error->code : 0, code);
    return error ? error->message : "";
  }
  void expectRefusal(const Entries &entries, int code, const std::string &words) {
    std::string message = refusal(entries, code);
    EXPECT_NE(message.find(words), std::string::npos) << message;
  }

private:
  TemporaryFolder folder;
  std::optional<Checkpoint> checkpoint;
};

/// What PyTorch keeps of a fake quantization; `scale` and others one or three numbers.
Entries fakeQuantize(const std::string &prefix, std::vector<float> scale, float zero, std::vector<float> low,
                     std::vector<float> high, float on = 1) {
  auto count = static_cast<int64_t>(scale.size());
  std::vector<int64_t> shape = {count}, observed = count == 1 ? std::vector<int64_t>() : shape;
  return {{prefix + "fake_quant_enabled", "U8", {1}, {on}},
          {prefix + "observer_enabled", "I64", {1}, {0}},
          {prefix + "scale", "F32", shape, scale},
          {prefix + "zero_point", "I32", shape, std::vector<float>(scale.size(), zero)},
          {prefix + "activation_post_process.min_val", "F32", observed, low},
          {prefix + "activation_post_process.max_val", "F32", observed, high},
          {prefix + "activation_post_process.eps", "F32", {1}, {std::numeric_limits<float>::epsilon()}}};
}
Entries weightOf(std::vector<float> scale, float zero = 0, float on = 1) {
  return fakeQuantize("x.weight_fake_quant.", std::move(scale), zero, {-2}, {1}, on);
}
Entries outputOf(float scale, float zero, float low, float high, float on = 1) {
  return fakeQuantize("x.activation_post_process.", {scale}, zero, {low}, {high}, on);
}
Entries without(Entries entries, const std::string &name) {
  entries.erase(std::remove_if(entries.begin(), entries.end(), [&](const Entry &entry) { return entry.name == name; }),
                entries.end());
  return entries;
}

TEST_F(TrainedRangesTest, NoRanges) {
  TrainedRanges ranges = open({{"x.weight", "F32", {1}, {1}}});
  EXPECT_FALSE(*ranges.ofWeight("x", 1));
  EXPECT_FALSE(*ranges.ofInput("x"));
  EXPECT_FALSE(*ranges.ofOutput("x"));
  EXPECT_FALSE(ranges.mayRemain("x.weight"));
}

TEST_F(TrainedRangesTest, GreatestMagnitudes) {
  for (const char *name : {"x._weight_quantizer._amax", "x.weight_quantizer._amax"})
    for (const std::vector<int64_t> &shape : {std::vector<int64_t>{3}, {3, 1}}) {
      TrainedRanges ranges = open({{name, "F32", shape, {1, 2, 3}}});
      EXPECT_FALSE(ranges.mayRemain(name));
      std::optional<WeightRange> range = *ranges.ofWeight("x", 3);
      ASSERT_TRUE(range);
      EXPECT_EQ(range->numbers.tensor->name, name);
      EXPECT_FALSE(range->only);
      EXPECT_EQ(range->steps, 127);
      EXPECT_EQ(range->least, -128);
      EXPECT_TRUE(ranges.mayRemain(name));
    }
  for (const std::vector<int64_t> &shape : {std::vector<int64_t>{}, {1}, {1, 1}})
    EXPECT_EQ((*open({{"x.weight_quantizer._amax", "F32", shape, {2.5f}}}).ofWeight("x", 3))->only, 2.5f);
}

TEST_F(TrainedRangesTest, GreatestMagnitudeOfInput) {
  for (const char *name : {"x._input_quantizer._amax", "x.input_quantizer._amax"}) {
    std::optional<ActivationRange> range = *open({{name, "F32", {}, {4}}}).ofInput("x");
    ASSERT_TRUE(range);
    EXPECT_EQ(range->range, 4);
    EXPECT_EQ(range->steps, 127);
    EXPECT_EQ(range->zero, 128);
    EXPECT_EQ(range->least, 0);
    EXPECT_EQ(range->greatest, 255);
  }
}

TEST_F(TrainedRangesTest, BadMagnitudes) {
  const std::string weight = "x._weight_quantizer._amax", input = "x._input_quantizer._amax";
  expectRefusal({{weight, "F32", {3}, {1, 0, 1}}}, kErrorMalformed, "expected positive numbers");
  expectRefusal({{weight, "F32", {3}, {1, -1, 1}}}, kErrorMalformed, weight);
  expectRefusal({{weight, "F32", {3}, {1, NAN, 1}}}, kErrorMalformed, "found nan");
  expectRefusal({{weight, "F32", {3}, {1, INFINITY, 1}}}, kErrorMalformed, "found inf");
  expectRefusal({{input, "F32", {}, {1e-9f}}}, kErrorMalformed, "found 1e-09");
  expectRefusal({{weight, "F32", {2}, {1, 1}}}, kErrorUnsupported, "one number, or one for each of 3 rows, found 2");
  expectRefusal({{weight, "F32", {1, 3}, {1, 1, 1}}}, kErrorUnsupported, "found 3");
  expectRefusal({{input, "F32", {3}, {1, 1, 1}}}, kErrorUnsupported, "expected one number, found 3");
  expectRefusal({{weight, "F64", {1}, {1}}}, kErrorUnsupported, "dtype F64");
}

TEST_F(TrainedRangesTest, ScalesOfWeights) {
  TrainedRanges ranges = open(weightOf({2 / 127.5f}));
  std::optional<WeightRange> range = *ranges.ofWeight("x", 3);
  ASSERT_TRUE(range);
  EXPECT_EQ(range->only, 2 / 127.5f);
  EXPECT_EQ(range->steps, 1);
  EXPECT_EQ(range->least, -128);
  for (const char *part : {"fake_quant_enabled", "observer_enabled", "scale", "zero_point",
                           "activation_post_process.min_val", "activation_post_process.eps"})
    EXPECT_TRUE(ranges.mayRemain(std::string("x.weight_fake_quant.") + part)) << part;
  EXPECT_EQ((*open(weightOf({2 / 127.0f})).ofWeight("x", 3))->least, -127);
}

TEST_F(TrainedRangesTest, ScalesOfRows) {
  float least = std::numeric_limits<float>::epsilon(); // of a row of zeros
  TrainedRanges ranges =
      open(fakeQuantize("x.weight_fake_quant.", {1 / 127.5f, least, 3 / 127.5f}, 0, {-1, 0, -1}, {0.5, 0, 3}));
  std::optional<WeightRange> range = *ranges.ofWeight("x", 3);
  ASSERT_TRUE(range);
  EXPECT_FALSE(range->only);
  EXPECT_EQ(range->numbers.tensor->name, "x.weight_fake_quant.scale");
  EXPECT_EQ(range->least, -128);
}

TEST_F(TrainedRangesTest, BadScales) {
  const std::string prefix = "x.weight_fake_quant.";
  expectRefusal(weightOf({2 / 127.5f}, 3), kErrorUnsupported, prefix + "zero_point': expected 0, found 3:");
  expectRefusal(weightOf({0}), kErrorMalformed, prefix + "scale': expected positive numbers");
  expectRefusal(weightOf({1}), kErrorUnsupported, prefix + "scale': which codes of 8 bits belong to it cannot be told");
  expectRefusal(without(weightOf({2 / 127.5f}), prefix + "activation_post_process.min_val"), kErrorUnsupported,
                "cannot be told");
  expectRefusal(without(weightOf({2 / 127.5f}), prefix + "scale"), kErrorMalformed, prefix + "scale', which belongs");
  expectRefusal(fakeQuantize(prefix, {1, 1}, 0, {-1, -1}, {1, 1}), kErrorUnsupported, "found 2");
  Entries both = weightOf({2 / 127.5f});
  both.push_back({"x.weight_quantizer._amax", "F32", {}, {1}});
  expectRefusal(both, kErrorUnsupported, "the weight has another range, 'x.weight_quantizer._amax'");
}

TEST_F(TrainedRangesTest, Outputs) {
  struct Kind {
    float steps, zero; // in the file
    int64_t code, greatest;
  };
  for (Kind kind : {Kind{255, 64, 64, 255}, Kind{127, 32, 32, 127}, Kind{255, -64, 64, 255}}) {
    TrainedRanges ranges = open(outputOf(4 / kind.steps, kind.zero, -1, 3));
    std::optional<ActivationRange> range = *ranges.ofOutput("x");
    ASSERT_TRUE(range) << kind.steps;
    EXPECT_EQ(range->range, 4 / kind.steps);
    EXPECT_EQ(range->steps, 1);
    EXPECT_EQ(range->zero, kind.code);
    EXPECT_EQ(range->least, 0);
    EXPECT_EQ(range->greatest, kind.greatest);
  }
  EXPECT_EQ((*open(outputOf(3 / 255.0f, 0, 1, 3)).ofOutput("x"))->zero, 0); // the range reaches to zero
}

TEST_F(TrainedRangesTest, BadOutputs) {
  const std::string scale = "x.activation_post_process.scale";
  expectRefusal(outputOf(4 / 255.0f, 100, -1, 3), kErrorUnsupported, scale + "': which codes");
  expectRefusal(outputOf(3 / 127.5f, 128, -1, 3), kErrorUnsupported, "cannot be told"); // a symmetric qscheme
  expectRefusal(outputOf(1, 0, INFINITY, -INFINITY), kErrorUnsupported, "cannot be told");
  expectRefusal(outputOf(-1, 0, -1, 3), kErrorMalformed, scale + "': expected positive");
  expectRefusal(fakeQuantize("x.activation_post_process.", {1, 1, 1}, 0, {0, 0, 0}, {1, 1, 1}), kErrorUnsupported,
                "expected one number, found 3");
}

TEST_F(TrainedRangesTest, SwitchedOff) {
  Entries entries = weightOf({1}, 7, /*on=*/0);
  for (const Entry &entry : outputOf(1, 0, INFINITY, -INFINITY, /*on=*/0))
    entries.push_back(entry);
  TrainedRanges ranges = open(entries);
  EXPECT_FALSE(*ranges.ofWeight("x", 3));
  EXPECT_FALSE(*ranges.ofOutput("x"));
  for (const Entry &entry : entries)
    EXPECT_TRUE(ranges.mayRemain(entry.name)) << entry.name;
}

TEST_F(TrainedRangesTest, ModulesOfNames) {
  EXPECT_EQ(TrainedRanges::moduleOf("a.b._weight_quantizer._amax"), "a.b");
  EXPECT_EQ(TrainedRanges::moduleOf("a.b.q_bmm_quantizer._amax"), "a.b");
  EXPECT_EQ(TrainedRanges::moduleOf("a.b.weight_fake_quant.activation_post_process.eps"), "a.b");
  EXPECT_EQ(TrainedRanges::moduleOf("a.activation_post_process.scale"), "a");
  EXPECT_EQ(TrainedRanges::moduleOf("a.b.weight"), std::nullopt);
}

} // namespace
