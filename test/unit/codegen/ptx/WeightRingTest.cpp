// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ring of weights on the interpreter: products of several shapes, one after another in one launch, leave what
// single launches leave, bit for bit, with rings of all sizes and without one, filled in pieces (sm_80) and by bulk
// copies (sm_90a), plain and strict; each wait is needed, and who waits in vain ends the launch.
#include "codegen/ptx/persistent/WeightRing.h"
#include "codegen/ptx/linear/LinearDecode.h"
#include "test/unit/codegen/ptx/CodebookProblem.h"
#include "test/unit/codegen/ptx/SparseProblem.h"
#include "test/unit/codegen/ptx/WalkRun.h"

#include <regex>

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::WeightFormat;

namespace {

constexpr int64_t kRows = 2;

/// What a product reads: weights, then arrays of its rows.
struct Operands {
  LinearSpec spec;
  std::vector<char> weights;
  std::vector<std::vector<char>> rows;
};
template <typename T>
std::vector<char> bytesOf(const std::vector<T> &values) {
  const char *begin = reinterpret_cast<const char *>(values.data());
  return {begin, begin + values.size() * sizeof(T)};
}
Operands operandsOf(const LinearProblem &problem, const LinearSpec &spec, const std::vector<char> &packed) {
  Operands operands = {spec, packed, {bytesOf(problem.x)}};
  if (spec.isInteger())
    operands.rows.insert(operands.rows.end(), {bytesOf(problem.rowScales), bytesOf(problem.zeros)});
  return operands;
}
Operands operandsOf(int64_t outputs, int64_t inputs, WeightFormat format) {
  if (format == WeightFormat::Codebook) {
    CodebookProblem problem(outputs, inputs, kRows, true);
    return {problem.spec, problem.packed(), {bytesOf(problem.x)}};
  }
  if (format == WeightFormat::Blocks) { // of few blocks a tile may have none
    SparseProblem problem(outputs, inputs, kRows, true, inputs < 100 ? 5 : 60);
    return operandsOf(problem.dense, problem.spec, problem.packed());
  }
  LinearProblem problem({outputs, inputs, format, true}, kRows);
  return operandsOf(problem, problem.spec, problem.packed());
}

/// Products whose tiles have whole stages, parts of one, and fewer slices than there are warps.
struct Products {
  std::vector<Operands> problems;
  std::vector<std::string> names;
  std::vector<char> weights, given;
  size_t fresh = 0;
  std::vector<StepLaunch> launches;
  EmittedWalker code;

  explicit Products(WeightFormat format, std::optional<int64_t> stages, const std::string &chip = "sm_80",
                    const nvptx::GridBarrier &barrier = {}) {
    for (auto [outputs, inputs] : {std::pair<int64_t, int64_t>(40, 1100), {16, 2048}, {33, 96}, {80, 256}})
      problems.push_back(operandsOf(outputs, inputs, format));
    code = emitWalker(
        chip,
        [&](nvptx::KernelLibrary &kernels) {
          for (const Operands &problem : problems)
            names.push_back(linearDecodeKernel(kernels, {problem.spec, 8}));
        },
        barrier, stages);
    std::vector<std::vector<Place>> operands;
    for (const Operands &problem : problems) {
      operands.push_back({weightsAt(append(weights, problem.weights))});
      for (const std::vector<char> &rows : problem.rows)
        operands.back().push_back(arenaAt(append(given, rows)));
    }
    given.resize(size_t(nvptx::roundUp(int64_t(given.size()), 256)));
    for (size_t i = 0; i < problems.size(); ++i)
      launches.push_back(launchOf(i, operands[i]));
  }

  /// Where it is, at a multiple of 256.
  static int64_t append(std::vector<char> &to, const std::vector<char> &bytes) {
    int64_t place = nvptx::roundUp(int64_t(to.size()), 256);
    to.resize(size_t(place));
    to.insert(to.end(), bytes.begin(), bytes.end());
    return place;
  }
  StepLaunch launchOf(size_t i, std::vector<Place> arguments) {
    const LinearSpec &spec = problems[i].spec;
    if (spec.isBlocks())
      arguments.push_back(numberOf(spec.stored));
    arguments.push_back(arenaAt(int64_t(given.size() + fresh)));
    arguments.push_back(numberOf(nvptx::rowBytes(spec.outputs, 4)));
    arguments.push_back(numberOf(kRows));
    fresh += size_t(kRows * nvptx::rowBytes(spec.outputs, 4));
    return {names[i], {uint32_t(spec.tiles()), 1, 1}, arguments};
  }

  std::vector<char> launched() const {
    WalkRun run(code, weights, given, fresh, std::nullopt);
    run.launchEach(launches);
    EXPECT_EQ(run.error, "");
    return run.left();
  }
  /// What is found in any run; "" where nothing is.
  std::string found(const std::vector<char> &expected, uint32_t blocks = 2) const {
    for (std::optional<uint64_t> seed : {std::optional<uint64_t>(), {1}, {2}, {3}}) {
      WalkRun run(code, weights, given, fresh, seed);
      run.walk(launches, blocks);
      if (!run.error.empty() || run.left() != expected)
        return run.error.empty() ? "other bits" : run.error;
    }
    return "";
  }
  Products with(const std::string &pattern, const std::string &into) const {
    Products changed = *this;
    changed.code.text = std::regex_replace(code.text, std::regex(pattern), into);
    EXPECT_NE(changed.code.text, code.text) << pattern;
    return changed;
  }
};

class WeightRing : public testing::TestWithParam<std::tuple<WeightFormat, const char *>> {};

TEST_P(WeightRing, GivesTheBitsOfSingleLaunches) {
  auto [format, chip] = GetParam();
  std::vector<char> expected = Products(format, std::nullopt, chip).launched();
  for (int64_t stages : {0, 2, 4, 16}) {
    if (format == WeightFormat::Blocks && stages == 2)
      continue; // what a warp reaches may lie in two stages, and in pieces one is told when another is under way
    Products products(format, stages, chip);
    EXPECT_EQ(products.code.kernel(products.code.walker).shape.threads, stages ? 288 : 256);
    for (uint32_t blocks : {1, 3})
      EXPECT_EQ(products.found(expected, blocks), "") << stages << " stages, " << blocks << " blocks";
  }
}
std::string nameOf(WeightFormat format) {
  switch (format) {
  case WeightFormat::F32:
    return "F32";
  case WeightFormat::Bf16:
    return "Bf16";
  case WeightFormat::S8Rows:
    return "S8";
  case WeightFormat::Codebook:
    return "Codebook";
  default:
    return "Blocks";
  }
}
INSTANTIATE_TEST_SUITE_P(Formats, WeightRing,
                         testing::Combine(testing::Values(WeightFormat::F32, WeightFormat::Bf16, WeightFormat::S8Rows,
                                                          WeightFormat::Codebook, WeightFormat::Blocks),
                                          testing::Values("sm_80", "sm_90a")),
                         [](const auto &info) {
                           return nameOf(std::get<0>(info.param)) + "_" + std::get<1>(info.param);
                         });

/// How often `what` stands in the walker's text.
int64_t countOf(const std::string &chip, const std::string &what) {
  std::string text = walkerAlone(Products(WeightFormat::S8Rows, 4, chip).code);
  int64_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
    ++count;
  return count;
}

// A stage is one instruction of one lane, and the loader waits for no copies: all places may be under way.
TEST(WeightRingOfHopper, IsFilledByBulkCopies) {
  EXPECT_EQ(countOf("sm_80", "cp.async.bulk"), 0);
  EXPECT_GT(countOf("sm_90a", "cp.async.bulk"), 0);
  const char *ofPieces = "cp.async.wait_group \t2;"; // half of four places
  EXPECT_GT(countOf("sm_80", ofPieces), 0);
  EXPECT_EQ(countOf("sm_90a", ofPieces), 0);
}

/// Of one block with a ring of 16 stages.
ptx::Counters countersOf(const Products &products) {
  WalkRun run(products.code, products.weights, products.given, products.fresh, std::nullopt);
  run.walk(products.launches, 1);
  EXPECT_EQ(run.error, "");
  return run.counters;
}

// A stage is a bulk copy of one lane; the loader has fewer instructions for it than for pieces.
TEST(WeightRingOfHopper, CopiesAStageByOneLane) {
  Products inPieces(WeightFormat::S8Rows, 16), inBulk(WeightFormat::S8Rows, 16, "sm_90a");
  ptx::Counters ofPieces = countersOf(inPieces), ofBulk = countersOf(inBulk);
  uint64_t stages = 0, copies = 0;
  for (const Operands &problem : inBulk.problems)
    stages += uint64_t(problem.spec.tiles() * nvptx::RingSpec::stagesOf(problem.spec.slices()));
  for (const auto &[opcode, count] : ofBulk.opcodes)
    if (opcode.find("cp.async.bulk") == 0)
      copies += count.lanes;
  EXPECT_EQ(copies, stages);
  RecordProperty("instructions_of_pieces", std::to_string(ofPieces.warpInstructions));
  RecordProperty("instructions_of_bulk", std::to_string(ofBulk.warpInstructions));
  EXPECT_LT(ofBulk.warpInstructions, ofPieces.warpInstructions);
}

/*===--- Mutations ---===*/

const char *const kTest = R"(mbarrier\.test_wait\.parity\.shared\.b64 p, (\[%r\d+\]), (%r\d+);)";

TEST(WeightRingMutation, NobodyWaits) {
  Products products(WeightFormat::S8Rows, 4);
  std::vector<char> expected = products.launched();
  EXPECT_EQ(products.found(expected), "");
  EXPECT_NE(products.with(kTest, "setp.ne.u32 p, $2, 2;").found(expected), "");
}
// For the phase before or behind the one that is meant.
TEST(WeightRingMutation, TheOtherPhaseIsWaitedFor) {
  Products products(WeightFormat::S8Rows, 4);
  EXPECT_NE(products.with(kTest, ".reg .b32 q; xor.b32 q, $2, 1; mbarrier.test_wait.parity.shared.b64 p, $1, q;")
                .found(products.launched()),
            "");
}
TEST(WeightRingMutation, CopiesAreNotWaitedFor) {
  Products products(WeightFormat::S8Rows, 4);
  EXPECT_NE(products.with(R"(cp\.async\.wait_group\s+2;)", "cp.async.wait_group 4;").found(products.launched()), "");
}
TEST(WeightRingMutation, BytesOfBulkCopiesAreNotExpected) {
  Products products(WeightFormat::S8Rows, 4, "sm_90a");
  std::vector<char> expected = products.launched();
  EXPECT_EQ(products.found(expected), "");
  EXPECT_NE(products.with(R"(arrive\.expect_tx\.shared\.b64 _, (\[%r\d+\]), %r\d+;)", "arrive.shared.b64 _, $1;")
                .found(expected),
            "");
}
TEST(WeightRingMutation, ABulkCopyDoesNotWaitForRoom) {
  Products products(WeightFormat::S8Rows, 2, "sm_90a");
  std::string loader = R"(mbarrier\.test_wait\.parity\.shared\.b64 p, (\[%r\d+\]), (%r\d+);)";
  EXPECT_NE(products.with(loader, "setp.ne.u32 p, $2, 2;").found(products.launched()), "");
}
TEST(WeightRingMutation, APlaceThatStaysFullEndsTheLaunch) {
  nvptx::GridBarrier impatient;
  impatient.poll.nanoseconds = 3000; // of the interpreter: instructions of a warp
  Products products(WeightFormat::S8Rows, 4, "sm_80", impatient);
  std::string fault = products.with(R"(mbarrier\.arrive\.shared\.b64 s, \[%r\d+\];)", "").found(products.launched());
  EXPECT_NE(fault.find("trap"), std::string::npos) << fault;
}

} // namespace
