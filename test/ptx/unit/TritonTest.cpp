// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Triton as an oracle: its code generator runs on hardware every day, so its kernels give the right numbers in the
// interpreter only if fragments, swizzles, descriptors and asynchronous copies mean here what they mean there.
// The texts are made by oracle/triton_kernels.py when the test runs. LMOPT_TRITON_PYTHON names a Python that has Triton
// (pip install triton); without it the test is skipped by name.
#include "test/ptx/machine/Float.h"
#include "test/ptx/unit/TestKernel.h"

#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <unistd.h>

using namespace lmopt::ptx;

namespace {
constexpr uint32_t kM = 128, kN = 192, kK = 256, kLength = 128, kDepth = 64;

/// The kernels' texts, made once; empty without Triton.
class TritonTest : public testing::Test {
protected:
  static void SetUpTestSuite() {
    const char *python = std::getenv("LMOPT_TRITON_PYTHON");
    if (!python)
      return;
    std::string name = testing::TempDir() + "lmopt-triton-XXXXXX";
    folder = mkdtemp(name.data()) ? name : "";
    std::string command = std::string("TRITON_CACHE_DIR=") + folder + "/cache " + python + " " + LMOPT_PTX_ORACLE +
                          "/triton_kernels.py " + folder;
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
  }
  static void TearDownTestSuite() {
    if (!folder.empty())
      EXPECT_EQ(std::system(("rm -rf " + folder).c_str()), 0);
  }
  void SetUp() override {
    if (folder.empty())
      GTEST_SKIP() << "LMOPT_TRITON_PYTHON names no Python with Triton";
  }
  static std::string folder;
};
std::string TritonTest::folder;

/// Two rules of the ISA that Triton breaks, and ptxas and hardware bear: it puts no proxy fence between cp.async and
/// wgmma, and in a loop it writes registers of A while a product reads them.
std::vector<DeviceOptions> allModes() {
  std::vector<DeviceOptions> modes = {DeviceOptions{}, strict(1), strict(2), strict(3)};
  for (DeviceOptions &options : modes)
    options.checks.proxyFences = options.checks.wgmmaRegisters = false;
  return modes;
}

/// Runs the one kernel of a text; scratch parameters that Triton adds behind ours are null.
void runFile(Device &device, const std::string &path, uint32_t gridX, uint32_t gridY, Arguments &arguments) {
  std::ifstream file(path);
  std::stringstream stream;
  stream << file.rdbuf();
  std::string text = stream.str();
  auto module = parseOrFail(text);
  ASSERT_TRUE(module) << path;
  LaunchShape shape = shapeOf(gridX, 128, static_cast<uint32_t>(std::strtoul(text.c_str() + 10, nullptr, 10)));
  shape.grid[1] = gridY;
  size_t at = text.find(".entry ") + 7;
  arguments << uint64_t(0) << uint64_t(0);
  auto result = device.launch(*module, text.substr(at, text.find('(', at) - at), shape, arguments.pointers());
  EXPECT_TRUE(result.ok()) << path << ": " << result.error().message;
}

template <typename T>
std::vector<T> randomWords(size_t count, uint32_t seed, bool isBfloat) {
  std::mt19937 random(seed);
  std::vector<T> values;
  for (size_t i = 0; i < count; ++i)
    values.push_back(
        static_cast<T>(isBfloat ? floatToBfloat((static_cast<float>(random() % 2001) - 1000) * 1e-3f) : random()));
  return values;
}

float valueOf(uint16_t bits) { return bfloatToFloat(bits); }
float valueOf(int8_t value) { return value; }

template <typename A, typename B, typename C>
void testProduct(const std::string &path, double tolerance) {
  std::vector<A> a = randomWords<A>(size_t(kM) * kK, 1, sizeof(A) == 2);
  std::vector<B> b = randomWords<B>(size_t(kN) * kK, 2, sizeof(B) == 2);
  for (const DeviceOptions &options : allModes()) {
    Device device(options);
    Buffer<A> bufferA(device, a);
    Buffer<B> bufferB(device, b);
    Buffer<C> out(device, size_t(kM) * kN, false);
    Arguments arguments;
    arguments << bufferA << bufferB << out << kM << kN << kK;
    runFile(device, path, kM / 64, kN / 64, arguments);
    double worst = 0;
    for (uint32_t m = 0; m < kM; ++m)
      for (uint32_t n = 0; n < kN; ++n) {
        double sum = 0;
        for (uint32_t k = 0; k < kK; ++k)
          sum += double(valueOf(a[m * kK + k])) * valueOf(b[n * kK + k]);
        worst = std::max(worst, std::fabs(sum - double(out[m * kN + n])));
      }
    EXPECT_LE(worst, tolerance) << path << " seed " << options.strictSeed.value_or(0);
  }
}

/// o = softmax of base 2 over keys up to the query's own, times values.
std::vector<double> expectedAttention(const std::vector<uint16_t> &q, const std::vector<uint16_t> &k,
                                      const std::vector<uint16_t> &v) {
  std::vector<double> out(size_t(kLength) * kDepth);
  for (uint32_t i = 0; i < kLength; ++i) {
    double total = 0;
    for (uint32_t j = 0; j <= i; ++j) {
      double score = 0;
      for (uint32_t d = 0; d < kDepth; ++d)
        score += double(valueOf(q[i * kDepth + d])) * valueOf(k[j * kDepth + d]);
      double weight = std::exp2(score);
      total += weight;
      for (uint32_t d = 0; d < kDepth; ++d)
        out[i * kDepth + d] += weight * valueOf(v[j * kDepth + d]);
    }
    for (uint32_t d = 0; d < kDepth; ++d)
      out[i * kDepth + d] /= total;
  }
  return out;
}

void testAttention(const std::string &path) {
  size_t count = size_t(kLength) * kDepth;
  auto q = randomWords<uint16_t>(count, 1, true), k = randomWords<uint16_t>(count, 2, true),
       v = randomWords<uint16_t>(count, 3, true);
  std::vector<double> expected = expectedAttention(q, k, v);
  for (const DeviceOptions &options : allModes()) {
    Device device(options);
    Buffer<uint16_t> bufferQ(device, q), bufferK(device, k), bufferV(device, v);
    Buffer<float> out(device, count, false);
    Arguments arguments;
    arguments << bufferQ << bufferK << bufferV << out << kLength << bitsAs<uint32_t>(1.0f);
    runFile(device, path, kLength / 64, 1, arguments);
    double worst = 0;
    for (size_t i = 0; i < count; ++i)
      worst = std::max(worst, std::fabs(expected[i] - double(out[i])));
    // Weights are rounded to bf16 before they meet the values: 2^-9 of a sum of values of at most 1.
    EXPECT_LE(worst, 0x1p-8) << path << " seed " << options.strictSeed.value_or(0);
  }
}
} // namespace

TEST_F(TritonTest, ProductsOfBytesAreExact) {
  for (const char *target : {"80", "90"})
    testProduct<int8_t, int8_t, int32_t>(folder + "/int8_" + target + ".ptx", 0);
}

// Sums of 256 products of at most 1 in f32: 256 * 256 * 2^-24 at worst.
TEST_F(TritonTest, ProductsOfBfloats) {
  for (const char *target : {"80", "90"})
    testProduct<uint16_t, uint16_t, float>(folder + "/bf16_" + target + ".ptx", 0x1p-8);
}

TEST_F(TritonTest, ProductsWithALeftSideFromRegisters) {
  for (const char *target : {"80", "90"})
    testProduct<int8_t, uint16_t, float>(folder + "/mixed_" + target + ".ptx", 128 * 0x1p-8);
}

TEST_F(TritonTest, FlashAttention) {
  for (const char *target : {"80", "90"})
    testAttention(folder + "/attention_" + target + ".ptx");
}
