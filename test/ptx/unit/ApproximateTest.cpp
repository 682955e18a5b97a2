// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Approximate functions: the interpreter computes them correctly rounded, which cards do not. Kept as a launch, the same
// inputs tell how far off a card is (script/gpu-check).
#include "test/ptx/record/KernelRecord.h"
#include "test/ptx/unit/TestKernel.h"

#include <cmath>

using namespace lmopt::ptx;

namespace {
constexpr uint32_t kInputs = 4096;
const char *const kFunctions[] = {"ex2.approx.ftz.f32", "lg2.approx.f32", "rcp.approx.f32", "rsqrt.approx.f32"};

double exactly(size_t function, double x) {
  return function == 0 ? std::exp2(x) : function == 1 ? std::log2(x) : function == 2 ? 1 / x : 1 / std::sqrt(x);
}

/// One word in, the functions of it out, one after another.
std::string kernelOfAll() {
  std::string body = "mov.u32 %r1, %ctaid.x; shl.b32 %r1, %r1, 7; add.u32 %r1, %r1, %r0; mul.wide.u32 %rd2, %r1, 4;\n"
                     "add.u64 %rd3, %rd0, %rd2; ld.global.f32 %f0, [%rd3]; add.u64 %rd4, %rd1, %rd2;\n";
  for (const char *function : kFunctions)
    body += std::string(function) + " %f1, %f0; st.global.f32 [%rd4], %f1; add.u64 %rd4, %rd4, " +
            std::to_string(4 * kInputs) + ";\n";
  return kernelText(body, 2);
}
} // namespace

TEST(PtxApproximate, CorrectlyRounded) {
  std::vector<float> inputs(kInputs);
  for (uint32_t i = 0; i < kInputs; ++i) // 2^-8 .. 2^4, evenly in the exponent
    inputs[i] = std::exp2(float(i) * 12 / kInputs - 8);
  Device device;
  Buffer<float> in(device, inputs), out(device, std::size(kFunctions) * kInputs, false);
  Arguments arguments;
  arguments << in << out;
  std::string text = kernelOfAll();
  runKernel(device, text, shapeOf(kInputs / 128, 128), arguments);
  for (size_t function = 0; function < std::size(kFunctions); ++function)
    for (uint32_t i = 0; i < kInputs; ++i)
      ASSERT_EQ(out[function * kInputs + i], static_cast<float>(exactly(function, inputs[i])))
          << kFunctions[function] << " of " << inputs[i];
  if (recordFolder().empty())
    return;
  RecordedLaunch launch = {"k", text, {kInputs / 128, 1, 1}, 128, 0, {}};
  launch.arguments = {{RecordedArgument::Contents, 0, reinterpret_cast<const char *>(in.data()), 4 * kInputs},
                      {RecordedArgument::Result, 0, reinterpret_cast<const char *>(out.data()),
                       std::size(kFunctions) * 4 * kInputs}};
  recordLaunch(launch);
}
