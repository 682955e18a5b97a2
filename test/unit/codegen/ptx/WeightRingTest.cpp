// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The ring of weights on the interpreter: products of several shapes, one after another in one launch, leave what
// single launches leave, bit for bit, with rings of all sizes and without one, plain and strict; each wait is needed,
// and who waits in vain ends the launch.
#include "codegen/ptx/linear/LinearDecode.h"
#include "test/unit/codegen/ptx/LinearProblem.h"
#include "test/unit/codegen/ptx/WalkRun.h"

#include <regex>

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::WeightFormat;

namespace {

constexpr int64_t kRows = 2;

/// Products whose tiles have whole stages, parts of one, and fewer slices than there are warps.
struct Products {
  std::vector<LinearProblem> problems;
  std::vector<std::string> names;
  std::vector<char> weights, given;
  size_t fresh = 0;
  std::vector<StepLaunch> launches;
  EmittedWalker code;

  explicit Products(WeightFormat format, std::optional<int64_t> stages, const nvptx::GridBarrier &barrier = {}) {
    for (auto [outputs, inputs] : {std::pair<int64_t, int64_t>(40, 1100), {16, 2048}, {33, 96}, {80, 256}})
      problems.emplace_back(LinearSpec{outputs, inputs, format, true}, kRows);
    code = emitWalker(
        "sm_80",
        [&](nvptx::KernelLibrary &kernels) {
          for (const LinearProblem &problem : problems)
            names.push_back(linearDecodeKernel(kernels, {problem.spec, 8}));
        },
        barrier, stages);
    std::vector<int64_t> weightPlaces, inputPlaces;
    for (const LinearProblem &problem : problems) {
      weightPlaces.push_back(append(weights, problem.packed()));
      inputPlaces.push_back(append(given, bytesOf(problem.x)));
      append(given, bytesOf(problem.rowScales));
      append(given, bytesOf(problem.zeros));
    }
    given.resize(size_t(nvptx::roundUp(int64_t(given.size()), 256)));
    for (size_t i = 0; i < problems.size(); ++i)
      launches.push_back(launchOf(i, weightPlaces[i], inputPlaces[i]));
  }

  /// Where it is, at a multiple of 256.
  static int64_t append(std::vector<char> &to, const std::vector<char> &bytes) {
    int64_t place = nvptx::roundUp(int64_t(to.size()), 256);
    to.resize(size_t(place));
    to.insert(to.end(), bytes.begin(), bytes.end());
    return place;
  }
  template <typename T>
  static std::vector<char> bytesOf(const std::vector<T> &values) {
    const char *begin = reinterpret_cast<const char *>(values.data());
    return {begin, begin + values.size() * sizeof(T)};
  }
  StepLaunch launchOf(size_t i, int64_t weightPlace, int64_t inputPlace) {
    const LinearSpec &spec = problems[i].spec;
    std::vector<Place> arguments = {weightsAt(weightPlace), arenaAt(inputPlace)};
    if (spec.isInteger()) {
      int64_t scales = nvptx::roundUp(inputPlace + int64_t(problems[i].x.size()), 256);
      arguments.push_back(arenaAt(scales));
      arguments.push_back(arenaAt(scales + 256));
    }
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

class WeightRing : public testing::TestWithParam<WeightFormat> {};

TEST_P(WeightRing, GivesTheBitsOfSingleLaunches) {
  std::vector<char> expected = Products(GetParam(), std::nullopt).launched();
  for (int64_t stages : {0, 2, 4, 16}) {
    Products products(GetParam(), stages);
    EXPECT_EQ(products.code.kernel(products.code.walker).shape.threads, stages ? 288 : 256);
    for (uint32_t blocks : {1, 3})
      EXPECT_EQ(products.found(expected, blocks), "") << stages << " stages, " << blocks << " blocks";
  }
}
INSTANTIATE_TEST_SUITE_P(Formats, WeightRing, testing::Values(WeightFormat::Bf16, WeightFormat::S8Rows),
                         [](const auto &info) {
                           return std::string(info.param == WeightFormat::Bf16 ? "Bf16" : "S8");
                         });

// Products of f32 read weights themselves.
TEST(WeightRingOfFloats, IsNone) {
  Products products(WeightFormat::F32, std::nullopt);
  EXPECT_EQ(products.code.kernel(products.code.walker).shape.threads, 256);
  EXPECT_EQ(products.found(products.launched()), "");
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
TEST(WeightRingMutation, APlaceThatStaysFullEndsTheLaunch) {
  nvptx::GridBarrier impatient;
  impatient.poll.nanoseconds = 3000; // of the interpreter: instructions of a warp
  Products products(WeightFormat::S8Rows, 4, impatient);
  std::string fault = products.with(R"(mbarrier\.arrive\.shared\.b64 s, \[%r\d+\];)", "").found(products.launched());
  EXPECT_NE(fault.find("trap"), std::string::npos) << fault;
}

} // namespace
