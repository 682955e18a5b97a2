// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The persistent kernel on the interpreter: a chain of products and row kernels in one cooperative launch leaves what
// single launches leave, bit for bit, whatever the number of blocks, plain and strict; each piece of the barrier is
// needed; who waits in vain ends the launch. That its text keeps to what orders memory between blocks.
#include "codegen/ptx/linear/LinearDecode.h"
#include "codegen/ptx/rows/RowKernel.h"
#include "test/unit/codegen/ptx/LinearProblem.h"
#include "test/unit/codegen/ptx/WalkRun.h"

#include <regex>

using namespace lmopt;
using namespace lmopt::kerneltest;
using nvptx::LinearDecodeSpec;
using nvptx::WeightFormat;
using Kind = nvptx::RowStepKind;

namespace {

constexpr int64_t kRows = 3;

/// Two products that feed one another through codes, and the row kernels between them.
struct Chain {
  LinearSpec wide = {112, 96, WeightFormat::S8Rows, true}, narrow = {96, 112, WeightFormat::S8Rows, false};
  std::string ofWide, ofNarrow, rowsOfWide, rowsOfNarrow;
  std::vector<char> weights, given;
  int64_t narrowWeights = 0;
  size_t fresh = 0;
  std::vector<StepLaunch> launches;

  /// Codes with scales and zero points, as a row kernel stores them; then the floats it makes them from.
  struct Buffers {
    int64_t codes, scales, zeros, floats, end;
    Buffers(int64_t begin, int64_t width)
        : codes(begin), scales(codes + kRows * nvptx::rowBytes(width, 1)), zeros(scales + 32), floats(zeros + 32),
          end(floats + kRows * nvptx::rowBytes(width, 4)) {}
  };

  void define(nvptx::KernelLibrary &kernels) {
    ofWide = linearDecodeKernel(kernels, {wide, 8}), ofNarrow = linearDecodeKernel(kernels, {narrow, 8});
    rowsOfWide = rowsKernel(kernels, wide.outputs), rowsOfNarrow = rowsKernel(kernels, narrow.outputs);
  }
  static std::string rowsKernel(nvptx::KernelLibrary &kernels, int64_t width) {
    return rowKernel(kernels, {width, {{Kind::Load, {}, {0}}, {Kind::StoreCodes, {0}, {1, 2, 3}}}});
  }

  /// The products three times over.
  void place() {
    LinearProblem first(wide, kRows), second(narrow, kRows);
    weights = first.packed();
    narrowWeights = nvptx::roundUp(int64_t(weights.size()), 256);
    weights.resize(size_t(narrowWeights));
    std::vector<char> more = second.packed();
    weights.insert(weights.end(), more.begin(), more.end());
    Buffers in(0, wide.inputs);
    given.resize(size_t(in.floats));
    std::memcpy(given.data() + in.codes, first.x.data(), first.x.size());
    std::memcpy(given.data() + in.scales, first.rowScales.data(), 4 * kRows);
    std::memcpy(given.data() + in.zeros, first.zeros.data(), 4 * kRows);
    Buffers between(in.end, wide.outputs);
    fresh = size_t(between.end - in.floats);
    for (int i = 0; i < 3; ++i) {
      launches.push_back(product(ofWide, wide, weightsAt(0), in, between));
      launches.push_back(rows(rowsOfWide, between));
      launches.push_back(product(ofNarrow, narrow, weightsAt(narrowWeights), between, in));
      launches.push_back(rows(rowsOfNarrow, in));
    }
  }
  static StepLaunch product(const std::string &name, const LinearSpec &spec, Place weights, const Buffers &from,
                            const Buffers &to) {
    return {name,
            {uint32_t(spec.tiles()), 1, 1},
            {weights, arenaAt(from.codes), arenaAt(from.scales), arenaAt(from.zeros), arenaAt(to.floats),
             numberOf(nvptx::rowBytes(spec.outputs, 4)), numberOf(kRows)}};
  }
  static StepLaunch rows(const std::string &name, const Buffers &at) {
    return {name, {kRows, 1, 1}, {arenaAt(at.floats), arenaAt(at.codes), arenaAt(at.scales), arenaAt(at.zeros)}};
  }
};

struct Walked {
  Chain chain;
  EmittedWalker code;

  explicit Walked(const std::string &chip = "sm_80", const nvptx::GridBarrier &barrier = {},
                  std::optional<int64_t> stages = {})
      : code(emitWalker(chip, [&](nvptx::KernelLibrary &kernels) { chain.define(kernels); }, barrier, stages)) {
    chain.place();
  }
  std::unique_ptr<WalkRun> begin(std::optional<uint64_t> seed) const {
    return std::make_unique<WalkRun>(code, chain.weights, chain.given, chain.fresh, seed);
  }
  std::vector<char> launched() const {
    auto run = begin(std::nullopt);
    run->launchEach(chain.launches);
    EXPECT_EQ(run->error, "");
    return run->left();
  }
  /// The error, or whether the bits are others.
  std::string walked(std::optional<uint64_t> seed, uint32_t blocks, const std::vector<char> &expected,
                     uint32_t counter = 0) const {
    auto run = begin(seed);
    run->walk(chain.launches, blocks, counter);
    return run->error.empty() && run->left() != expected ? "other bits" : run->error;
  }
  /// What is found in any run; "" where nothing is.
  std::string found(const std::vector<char> &expected, uint32_t counter = 0) const {
    for (std::optional<uint64_t> seed : {std::optional<uint64_t>(), {1}, {2}, {3}})
      if (std::string fault = walked(seed, 5, expected, counter); !fault.empty())
        return fault;
    return "";
  }
  /// The same with another text; it must be there.
  Walked with(const std::string &pattern, const std::string &into) const {
    Walked changed = *this;
    changed.code.text = std::regex_replace(code.text, std::regex(pattern), into);
    EXPECT_NE(changed.code.text, code.text) << pattern;
    return changed;
  }
};

TEST(Walker, GivesTheBitsOfSingleLaunches) {
  for (const char *chip : {"sm_80", "sm_90a"}) {
    Walked walked(chip);
    std::vector<char> expected = walked.launched();
    for (uint32_t blocks : {1, 2, 5, 16})
      for (std::optional<uint64_t> seed : {std::optional<uint64_t>(), {1}, {2}, {3}})
        EXPECT_EQ(walked.walked(seed, blocks, expected), "") << chip << ", " << blocks << " blocks";
  }
}

TEST(Walker, MeetsOnceBetweenTwoRecords) {
  Walked walked;
  auto run = walked.begin(std::nullopt);
  run->walk(walked.chain.launches, 4);
  ASSERT_EQ(run->error, "");
  EXPECT_EQ(run->counters.opcodes["red.release.gpu.global.add.u32"].warps, 4 * (walked.chain.launches.size() - 1));
}

/*===--- Mutations: each piece is needed, and its lack is found ---===*/

TEST(Walker, NeedsToWait) {
  Walked walked;
  std::vector<char> expected = walked.launched();
  EXPECT_EQ(walked.found(expected), "");
  EXPECT_NE(walked.with(R"(ld\.acquire\.gpu\.global\.(\w+)\s+(%r\d+), [^;]*;)", "mov.$1 $2, -1;").found(expected), "");
}
TEST(Walker, NeedsTheRelease) {
  Walked walked;
  EXPECT_NE(walked.with("red\\.release", "red.relaxed").found(walked.launched()), "");
}
TEST(Walker, NeedsTheAcquire) {
  Walked walked;
  EXPECT_NE(walked.with("ld\\.acquire", "ld.relaxed").found(walked.launched()), "");
}
// As if a launch were one barrier further than it is: the first one is over too early.
TEST(Walker, NeedsACounterOfItsOwn) {
  Walked walked;
  EXPECT_NE(walked.found(walked.launched(), /*counter=*/5), "");
}
// Between blocks of a record, and at both sides of the grid's barrier.
TEST(Walker, NeedsTheBarriersOfABlock) {
  Walked walked;
  std::vector<char> expected = walked.launched();
  EXPECT_NE(walked.with("bar(rier)?\\.sync(\\.aligned)?\\s+1, 256;", "").found(expected), "");
  EXPECT_NE(walked.with("bar(rier)?\\.sync(\\.aligned)?\\s+0, 256;", "").found(expected), "");
}

// A block that nobody joins ends the launch: what hardware tells as a fault.
TEST(Walker, EndsWhenItWaitsInVain) {
  nvptx::GridBarrier impatient;
  impatient.poll.nanoseconds = 3000; // of the interpreter: instructions of a warp
  Walked walked("sm_80", impatient);
  std::vector<char> expected = walked.launched();
  EXPECT_EQ(walked.found(expected), "");
  Walked alone = walked.with(R"(red\.release[^;]*;)", "");
  EXPECT_NE(alone.walked(std::nullopt, 5, expected).find("trap"), std::string::npos);
  EXPECT_NE(Walked().code.text.find("2000000001"), std::string::npos) << "below: within two seconds";
}

/*===--- The text ---===*/

// Weights are read past the first-level cache, as in the kernels, where no ring brings them; what a launch writes is
// not, or the interpreter would say so.
TEST(Walker, ReadsOnlyWeightsPastTheCache) {
  for (const char *chip : {"sm_80", "sm_90a"}) {
    Walked walked(chip, {}, /*stages=*/0);
    const std::regex past(R"(ld\.global\.nc)");
    auto count = [&](const std::string &text) {
      return std::distance(std::sregex_iterator(text.begin(), text.end(), past), std::sregex_iterator());
    };
    std::string body = walkerAlone(walked.code);
    EXPECT_GE(count(body) - 2 /* of records: the first, the next */, 8); // the rest is joined by LLVM or not
    EXPECT_GE(count(walked.code.text) - count(body), 8);
  }
}

TEST(Walker, LeavesOutWhatItDoesNotDo) {
  mlir::MLIRContext context;
  nvptx::KernelLibrary kernels(&context, targetOf("sm_80"));
  std::string few = linearDecodeKernel(kernels, {{32, 64, WeightFormat::S8Rows, false}, 8});
  std::string many = linearDecodeKernel(kernels, {{32, 64, WeightFormat::S8Rows, false}, 16});
  nvptx::Launch one, other;
  one.kernel = few, other.kernel = many, other.leastRows = 9;
  addWalker(kernels, {one, other});
  ASSERT_TRUE(kernels.getWalker());
  EXPECT_EQ(kernels.getWalker()->kernels, std::vector<int64_t>{kernels.kernel(few).number});
}

TEST(Walker, IsNotThereForLargerBlocks) {
  mlir::MLIRContext context;
  nvptx::KernelLibrary kernels(&context, targetOf("sm_80"));
  nvptx::Launch large;
  large.kernel = kernels.define("large", {512}, {}, [](nvptx::Emitter &, mlir::ValueRange) {});
  addWalker(kernels, {large});
  EXPECT_FALSE(kernels.getWalker());
}

} // namespace
