// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Foreign compilers as oracles: oracle/functions.h as compiled here for the host, against its PTX by clang and by nvcc,
// in the interpreter. The texts are made when the test runs; what is not installed is skipped by name.
#include "test/ptx/oracle/functions.h"
#include "test/ptx/record/KernelRecord.h"
#include "test/ptx/unit/TestKernel.h"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <unistd.h>

using namespace lmopt::ptx;

namespace {
constexpr uint32_t kInputs = 20000;

/// A folder that goes with the test.
class Folder {
public:
  Folder() {
    std::string name = testing::TempDir() + "lmopt-ptx-XXXXXX";
    path = mkdtemp(name.data()) ? name : "";
  }
  ~Folder() {
    if (!path.empty() && std::system(("rm -rf " + path).c_str()) != 0)
      ADD_FAILURE() << path << " is not removed";
  }
  std::string path;
};

std::string readFile(const std::string &path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Runs `command` with PTX as its output file; empty if it fails.
std::string compile(const std::string &command) {
  Folder folder;
  std::string output = folder.path + "/out.ptx", log = folder.path + "/log";
  if (std::system((command + " -o " + output + " > " + log + " 2>&1").c_str()) == 0)
    return readFile(output);
  ADD_FAILURE() << command << "\n" << readFile(log);
  return "";
}

/// Random bits, small numbers, and the numbers where formats end.
std::vector<uint32_t> makeInputs(uint32_t seed) {
  constexpr uint32_t kSpecial[] = {0,          1,          2,          0x7fffffff, 0x80000000, 0xffffffff, 0x7f800000,
                                   0xff800000, 0x7fc00000, 0x7f800001, 0x00000001, 0x007fffff, 0x00800000, 0x3f800000,
                                   0xbf800000, 0x477fefff, 0x477ff000, 0x33000000, 0x33000001, 0x38800000, 0x387fc000,
                                   0x3f808000, 0x3f818000, 0x4f000000, 0x4effffff, 0xcf000000, 0x5f000000, 0x00007c00,
                                   0x0000fc01, 0x00008000, 0x4b000001, 0x3f000000};
  std::mt19937 random(seed);
  std::vector<uint32_t> inputs;
  for (uint32_t i = 0; i < kInputs; ++i)
    inputs.push_back(random() % 4 == 0 ? kSpecial[random() % 32] : random() % 8 == 0 ? random() % 100 : random());
  return inputs;
}

bool isSame(uint32_t which, uint64_t a, uint64_t b) {
  if (which >= kFirstDouble)
    return a == b || (std::isnan(asDouble(a)) && std::isnan(asDouble(b)));
  float x = asFloat(static_cast<uint32_t>(a)), y = asFloat(static_cast<uint32_t>(b));
  return a == b || (which >= kFirstFloat && ((std::isnan(x) && std::isnan(y)) || (x == 0 && y == 0)));
}

/// For a card: the first inputs, and what the host says is expected of them.
void record(const std::string &text, const std::vector<uint32_t> *inputs, Buffer<uint64_t> &out) {
  constexpr uint32_t kKept = 4096;
  std::vector<uint64_t> kept;
  for (size_t which = 0; which < kFunctions; ++which)
    kept.insert(kept.end(), out.data() + which * kInputs, out.data() + which * kInputs + kKept);
  RecordedLaunch launch = {"k", text, {kKept / 128, 1, 1}, 128, 0, {}, /*anyNan=*/true};
  for (int i = 0; i < 3; ++i)
    launch.arguments.push_back(
        {RecordedArgument::Contents, 0, reinterpret_cast<const char *>(inputs[i].data()), kKept * sizeof(uint32_t)});
  launch.arguments.push_back({RecordedArgument::Result, 0, reinterpret_cast<const char *>(kept.data()),
                              kept.size() * sizeof(uint64_t)});
  launch.arguments.push_back({RecordedArgument::Number, kKept});
  recordLaunch(launch);
}

void compare(const std::string &text) {
  std::vector<uint32_t> a = makeInputs(1), b = makeInputs(2), c = makeInputs(3);
  Device device;
  Buffer<uint32_t> bufferA(device, a), bufferB(device, b), bufferC(device, c);
  Buffer<uint64_t> out(device, size_t(kFunctions) * kInputs, false);
  Arguments arguments;
  arguments << bufferA << bufferB << bufferC << out << kInputs;
  runKernel(device, text, shapeOf((kInputs + 127) / 128, 128), arguments);
  if (!recordFolder().empty()) {
    const std::vector<uint32_t> inputs[] = {a, b, c};
    record(text, inputs, out);
  }
  for (uint32_t which = 0; which < kFunctions; ++which) {
    uint32_t wrong = 0;
    for (uint32_t i = 0; i < kInputs && wrong < 3; ++i) {
      uint64_t expected = oracleFunction(which, a[i], b[i], c[i]), got = out[size_t(which) * kInputs + i];
      if (isSame(which, expected, got))
        continue;
      ++wrong;
      ADD_FAILURE() << std::hex << "function " << std::dec << which << std::hex << " of " << a[i] << ", " << b[i]
                    << ", " << c[i] << " gives " << got << ", not " << expected;
    }
  }
}

bool exists(const std::string &path) { return access(path.c_str(), X_OK) == 0; }
const std::string kFunctionsFile = std::string(LMOPT_PTX_ORACLE) + "/functions.h";
} // namespace

TEST(PtxOracle, Clang) {
  if (!exists(LMOPT_PTX_CLANG))
    GTEST_SKIP() << "the compiler is no clang: " << LMOPT_PTX_CLANG;
  for (const char *level : {"-O2", "-O1"}) {
    SCOPED_TRACE(level);
    std::string text = compile(std::string(LMOPT_PTX_CLANG) + " --target=nvptx64-nvidia-cuda -march=sm_90 -S " + level +
                               " -nogpulib -ffp-contract=off -x c++ " + kFunctionsFile);
    if (!text.empty())
      compare(text);
  }
}

TEST(PtxOracle, Nvcc) {
  const char *set = std::getenv("LMOPT_NVCC");
  std::string nvcc = set ? set : "/usr/local/cuda/bin/nvcc";
  if (!exists(nvcc))
    GTEST_SKIP() << "no nvcc at " << nvcc << " (LMOPT_NVCC names another)";
  for (const char *target : {"sm_80", "sm_90"}) {
    SCOPED_TRACE(target);
    std::string text = compile(nvcc + " -ptx -fmad=false -O3 -arch=" + target + " -x cu " + kFunctionsFile);
    if (!text.empty())
      compare(text);
  }
}
