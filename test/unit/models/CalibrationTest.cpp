// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calibration of fixture models: observed models compute what they did, and the sums that compiled parts give are those
// of the rows that the reference interpreter computes; the same bytes in one part or as many as there are, with any
// number of threads, at once or after an interruption. And what readers of statistics accept and refuse.
//
// Tolerance of a sum of products: each row of the compiled model differs from the interpreter's by at most kRowError of
// its norm (f32 sums in another order through a few layers), so by Cauchy-Schwarz the sum of x[i] x[j]
// differs by at most 2 kRowError sqrt(sum x[i]² sum x[j]²), up to how errors spread over the numbers of a row:
// sqrt(width).
#include "test/unit/models/CalibratedModel.h"

#include "passes/analysis/LayerHalves.h"
#include "passes/analysis/NarrowLinear.h"
#include "passes/analysis/Statistics.h"
#include "tools/calibrate/Moments.h"
#include "tools/calibrate/Segments.h"

using namespace mlir;
using namespace lmopt;
namespace fs = std::filesystem;

namespace {

constexpr double kRowError = 1e-5;

class CalibratedFixtures : public fixture::CalibratedModel {
protected:
  OwningOpRef<ModuleOp> observer() {
    OwningOpRef<ModuleOp> copy = model.module->clone();
    PassManager manager(&context);
    manager.addPass(lm::createLmObservePass());
    EXPECT_TRUE(succeeded(manager.run(*copy)));
    return copy;
  }
};

void expectSums(const lm::ValueStatistics &found, const Moments &expected) {
  double spread = 2 * kRowError * std::sqrt(double(expected.width));
  auto product = [&](int64_t i, int64_t j) { return expected.products[size_t(i * expected.width + j)]; };
  for (int64_t i = 0; i < expected.width; ++i)
    for (int64_t j = 0; j <= i; ++j)
      ASSERT_NEAR(found.product(i, j), product(i, j), spread * std::sqrt(product(i, i) * product(j, j)) + 1e-9)
          << i << ", " << j;
  for (size_t i = 0; i < size_t(expected.width); ++i) {
    double norm = std::sqrt(product(int64_t(i), int64_t(i)) * double(found.tokens));
    ASSERT_NEAR(found.sums[i], expected.sums[i], spread * norm + 1e-9);
    ASSERT_NEAR(found.greatest[i], expected.greatest[i], spread * norm + 1e-9);
  }
}

TEST_P(CalibratedFixtures, ObservedModelComputesTheSame) {
  OwningOpRef<ModuleOp> observed = observer();
  std::vector<float> found, expected;
  for (const fixture::Case &one : fixture.cases) {
    if (!one.types.empty())
      continue;
    std::vector<lm::RuntimeValue> results = observe(*observed, one);
    ASSERT_FALSE(results.empty());
    fixture::append(found, chosen(one, std::get<lm::reference::Tensor>(results.back()).f32));
    fixture::append(expected, one.expected);
  }
  expectClose(found, expected);
}

TEST_P(CalibratedFixtures, SumsAreThoseOfTheInterpreter) {
  run(settings("sums", int64_t{1} << 40));
  FailureOr<lm::Statistics> statistics = lm::Statistics::open(*model.module, folder + "/sums");
  ASSERT_TRUE(succeeded(statistics));
  EXPECT_EQ(statistics->tokens(), sequences.tokens());
  OwningOpRef<ModuleOp> observed = observer();
  llvm::SmallVector<lm::ObservedValue> values = lm::findObservedValues(*model.module, allLayers());
  std::vector<Moments> expected;
  for (const lm::ObservedValue &value : values)
    expected.emplace_back(value.width());
  for (const fixture::Case &one : fixture.cases) {
    std::vector<lm::RuntimeValue> results = observe(*observed, one);
    for (size_t i = 0; i < values.size(); ++i)
      addRows({{&expected[i], std::get<lm::reference::Tensor>(results[i]).f32.data()}}, int64_t(one.ids.size()), 1);
  }
  for (size_t i = 0; i < values.size(); ++i) {
    FailureOr<lm::ValueStatistics> found = statistics->read(values[i]);
    ASSERT_TRUE(succeeded(found)) << values[i].name;
    expectSums(*found, expected[i]);
  }
}

// Rows differ as those that are summed up do, each by itself.
TEST_P(CalibratedFixtures, BlockRowsAreThoseOfTheInterpreter) {
  run(settings("rows", 1)); // in parts
  FailureOr<lm::Statistics> statistics = lm::Statistics::open(*model.module, folder + "/rows");
  ASSERT_TRUE(succeeded(statistics));
  OwningOpRef<ModuleOp> observed = observer();
  llvm::SmallVector<lm::ObservedValue> values = lm::findObservedValues(*model.module, allLayers());
  std::vector<std::vector<float>> all(values.size());
  for (const fixture::Case &one : fixture.cases) {
    std::vector<lm::RuntimeValue> results = observe(*observed, one);
    for (size_t i = 0; i < values.size(); ++i)
      fixture::append(all[i], std::get<lm::reference::Tensor>(results[i]).f32);
  }
  size_t stride = size_t(sequences.tokens() + 6) / 7, blocks = 0;
  lm::ParamUses uses(*model.module);
  for (lm::LinearOp down : lm::findOps<lm::LinearOp>(*model.module)) {
    auto match = lm::matchFeedForward(down, uses);
    auto *block = match ? std::get_if<lm::FeedForward>(&*match) : nullptr;
    if (!block)
      continue;
    ++blocks;
    Value input = block->before.front().getInput();
    auto value = llvm::find_if(values, [&](auto &each) { return each.value == input; });
    FailureOr<std::vector<float>> kept = statistics->readBlockRows(*value);
    ASSERT_TRUE(succeeded(kept));
    auto width = size_t(value->width());
    ASSERT_EQ(kept->size(), (size_t(sequences.tokens()) + stride - 1) / stride * width);
    const std::vector<float> &rows = all[size_t(value - values.begin())];
    for (size_t at = 0; at < kept->size(); ++at) {
      size_t begin = at / width * stride * width;
      double squares = 0;
      for (size_t i = begin; i < begin + width; ++i)
        squares += double(rows[i]) * rows[i];
      ASSERT_NEAR((*kept)[at], rows[begin + at % width], kRowError * std::sqrt(squares)) << value->name << " " << at;
    }
  }
  EXPECT_GE(blocks, 1u);
}

TEST_P(CalibratedFixtures, PartsAndThreadsChangeNoBit) {
  std::string whole = run(settings("whole", int64_t{1} << 40));
  EXPECT_EQ(run(settings("parts", 1)), whole);
  EXPECT_EQ(run(settings("threads", 1, 3)), whole);
}

TEST_P(CalibratedFixtures, GoesOnAfterAnInterruption) {
  CalibrationSettings how = settings("all", 1);
  bool copied = false;
  how.progress = [&](double, const std::string &what) {
    if (what.rfind("part 2 of", 0) == 0 && !copied) {
      copied = true;
      fs::copy(how.output + ".partial", folder + "/kept", fs::copy_options::recursive);
    }
  };
  std::string expected = run(how);
  ASSERT_TRUE(copied);
  CalibrationSettings again = settings("again", 1);
  fs::rename(folder + "/kept", again.output + ".partial");
  std::string noted;
  again.note = [&](const std::string &text) { noted = text; };
  EXPECT_EQ(run(again), expected);
  EXPECT_EQ(noted.rfind("going on with part 2 of ", 0), 0u) << noted;
}

double changeOf(const std::vector<float> &before, const std::vector<float> &after, size_t width) {
  double sum = 0;
  for (size_t row = 0; row < before.size(); row += width) {
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = row; i < row + width; ++i) {
      ab += double(before[i]) * after[i];
      aa += double(before[i]) * before[i];
      bb += double(after[i]) * after[i];
    }
    sum += 1 - ab / std::sqrt(aa * bb);
  }
  return sum;
}

// A row is off by at most kRowError of its norm, so its cosine with another by as much: twice kRowError for two.
TEST_P(CalibratedFixtures, HowMuchHalvesChangeTheRows) {
  run(settings("in parts", 1));
  run(settings("whole", int64_t{1} << 40));
  FailureOr<lm::Statistics> parts = lm::Statistics::open(*model.module, folder + "/in parts");
  FailureOr<lm::Statistics> whole = lm::Statistics::open(*model.module, folder + "/whole");
  ASSERT_TRUE(succeeded(parts) && succeeded(whole));
  func::FuncOp function = *lm::findModelFunction(*model.module);
  llvm::SmallVector<lm::ObservedValue> values = lm::findObservedValues(*model.module, allLayers());
  std::vector<lm::LayerHalf> halves = lm::findLayerHalves(*model.module);
  ASSERT_GE(halves.size(), 2u); // a layer at least
  for (lm::LayerHalf &half : halves) {
    auto observer =
        lm::buildObserver(function, lm::wholeSegment(function), {}, {}, false, {half.before(), half.after()});
    ASSERT_TRUE(succeeded(observer));
    double expected = 0;
    for (const fixture::Case &one : fixture.cases) {
      if (!one.types.empty())
        continue;
      std::vector<lm::RuntimeValue> rows = observe(**observer, one);
      ASSERT_EQ(rows.size(), 2u);
      const auto &before = std::get<lm::reference::Tensor>(rows[0]), &after = std::get<lm::reference::Tensor>(rows[1]);
      expected += changeOf(before.f32, after.f32, size_t(before.shape.back()));
    }
    expected /= double(sequences.tokens());
    auto input = llvm::find_if(values, [&](auto &value) { return value.value == half.last.getInput(); });
    ASSERT_NE(input, values.end());
    FailureOr<double> inParts = parts->readChange(half.last, *input), atOnce = whole->readChange(half.last, *input);
    ASSERT_TRUE(succeeded(inParts) && succeeded(atOnce));
    EXPECT_EQ(*inParts, *atOnce);
    EXPECT_NEAR(*inParts, expected, 2 * kRowError);
    EXPECT_GT(*inParts, 100 * kRowError);
  }
}

TEST_P(CalibratedFixtures, HalvesThatChangeLeastGoFirst) {
  run(settings("statistics", int64_t{1} << 40));
  FailureOr<lm::Statistics> statistics = lm::Statistics::open(*model.module, folder + "/statistics");
  ASSERT_TRUE(succeeded(statistics));
  llvm::SmallVector<lm::ObservedValue> values = lm::findObservedValues(*model.module, allLayers());
  std::map<std::string, double> changes;
  for (lm::LayerHalf &half : lm::findLayerHalves(*model.module)) {
    auto input = llvm::find_if(values, [&](auto &value) { return value.value == half.last.getInput(); });
    changes[lm::getPartName(half.last).str()] = *statistics->readChange(half.last, *input);
  }
  PassManager manager(&context);
  std::string error;
  std::string pipeline = "lm-drop-layers{ratio=0.5 stats='" + folder + "/statistics'}";
  ASSERT_TRUE(succeeded(addPassPipeline(manager, pipeline, error))) << error;
  ASSERT_TRUE(succeeded(manager.run(*model.module)));
  double least = 1e9;
  size_t left = 0;
  for (lm::LayerHalf &half : lm::findLayerHalves(*model.module)) {
    double change = changes.at(lm::getPartName(half.last).str());
    least = half.attention() ? least : std::min(least, change); // the last attention stays, whatever it changes
    changes.erase(lm::getPartName(half.last).str());
    ++left;
  }
  EXPECT_EQ(left, (left + changes.size()) / 2);
  for (const auto &[name, change] : changes)
    EXPECT_LE(change, least) << name;
}

TEST_P(CalibratedFixtures, PartsFollowOneAnother) {
  func::FuncOp function = *lm::findModelFunction(*model.module);
  llvm::SmallVector<lm::ObservedValue> values = lm::findObservedValues(*model.module, allLayers());
  std::vector<ObservedSegment> parts = cutModel(function, values, 1, false);
  ASSERT_GT(parts.size(), 1u);
  size_t observed = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    EXPECT_EQ(parts[i].segment.input, i ? parts[i - 1].segment.output : Value());
    observed += parts[i].observed.size();
  }
  EXPECT_FALSE(parts.back().segment.output);
  EXPECT_EQ(observed, values.size());
  EXPECT_EQ(cutModel(function, values, int64_t{1} << 40, false).size(), 1u);
  size_t most = 3; // as many as an artifact can give, if it could give no more
  for (const ObservedSegment &part : cutModel(function, values, int64_t{1} << 40, false, most))
    EXPECT_LE(part.observed.size(), most);
}

INSTANTIATE_TEST_SUITE_P(Models, CalibratedFixtures,
                         testing::Values("llama-gqa-9-3", "gguf-q4_1", "bert-mean", "heads/bert-tokens"),
                         fixture::parameterName);

//===--- Readers of statistics ---===//

class StatisticsReaders : public CalibratedFixtures {
protected:
  void applyPass(const std::string &pass) {
    PassManager manager(&context);
    std::string error;
    ASSERT_TRUE(succeeded(addPassPipeline(manager, pass, error))) << error;
    ASSERT_TRUE(succeeded(manager.run(*model.module)));
  }

  lm::ObservedValue value(const std::string &name) {
    for (const lm::ObservedValue &value : lm::findObservedValues(*model.module, allLayers()))
      if (value.name == name)
        return value;
    ADD_FAILURE() << name << " is not observed";
    return {};
  }

  std::string open(const std::string &path) {
    return errorOf([&] { (void)lm::Statistics::open(*model.module, path); });
  }
  std::string read(const std::string &name) {
    FailureOr<lm::Statistics> statistics = lm::Statistics::open(*model.module, folder + "/s");
    return errorOf([&] { (void)statistics->read(value(name)); });
  }
};

TEST_P(StatisticsReaders, AcceptWhatChangesNoValue) {
  run(settings("s", 1 << 30));
  applyPass("lm-deduplicate-weights");
  for (const char *name : {"layers.0.attn.q", "layers.0.attn.o", "layers.0.ffn.down"})
    EXPECT_EQ(read(name), "") << name;
}

TEST_P(StatisticsReaders, RefuseAnotherBasis) {
  run(settings("s", 1 << 30));
  applyPass("lm-fold-norm-affine");
  EXPECT_NE(read("layers.0.attn.q").find("computed otherwise"), std::string::npos);
  EXPECT_EQ(read("layers.0.attn.o").find("nothing was measured"), std::string::npos);
}

TEST_P(StatisticsReaders, RefuseAnotherModelAndOtherFiles) {
  run(settings("s", 1 << 30));
  EXPECT_EQ(open(folder + "/s"), "");
  model.module.get()->setAttr("lm.source", ArrayAttr::get(&context, {}));
  EXPECT_NE(open(folder + "/s").find("of another model"), std::string::npos);
  EXPECT_NE(open(fixture.path + "/model.safetensors").find("made by `lmopt calibrate`"), std::string::npos);
  EXPECT_NE(open(folder + "/missing").find("missing"), std::string::npos);
}

TEST_P(StatisticsReaders, RefuseDamage) {
  std::string bytes = run(settings("s", 1 << 30));
  size_t place = bytes.rfind("layers.0.attn.q.sums", 8192);
  ASSERT_NE(place, std::string::npos);
  bytes.replace(place, 20, "layers.0.attn.q.sumz");
  std::ofstream(folder + "/s", std::ios::binary) << bytes;
  EXPECT_NE(read("layers.0.attn.q").find("no tensor 'layers.0.attn.q.sums'"), std::string::npos);
}

TEST_P(StatisticsReaders, EveryDamagedHeaderIsReadOrRefused) {
  std::string bytes = run(settings("s", 1 << 30));
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof header);
  std::vector<lm::ObservedValue> values;
  for (const lm::ObservedValue &value : lm::findObservedValues(*model.module, allLayers()))
    values.push_back(value);
  size_t refused = 0;
  for (size_t place = 0; place < header + 8; place += 7) {
    std::string damaged = bytes;
    damaged[place] = static_cast<char>(damaged[place] ^ (1 << place % 7));
    std::ofstream(folder + "/s", std::ios::binary) << damaged;
    refused += !errorOf([&] {
                  FailureOr<lm::Statistics> statistics = lm::Statistics::open(*model.module, folder + "/s");
                  for (size_t i = 0; succeeded(statistics) && i < values.size(); ++i)
                    (void)statistics->read(values[i]);
                }).empty();
  }
  EXPECT_GT(refused, header / 14); // most places matter
}

INSTANTIATE_TEST_SUITE_P(Models, StatisticsReaders, testing::Values("llama-gqa-9-3"), fixture::parameterName);

} // namespace
