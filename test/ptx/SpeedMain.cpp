// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How fast the interpreter is: million lane instructions a second of CPU time, with all checks, on a loop of
// arithmetic, on a loop over shared memory and on the decode kernel of test/ptx/kernels.
//
// In: a number of repeats (default 5). Out: a line for each kernel, the best repeat. Run by hand: no test measures
// time. Usage: build/bin/ptx-speed [REPEATS]
#include "test/ptx/unit/TestKernel.h"

#include <cstdio>
#include <fstream>
#include <sstream>
#include <sys/resource.h>

using namespace lmopt::ptx;

namespace {
double userSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec) + static_cast<double>(usage.ru_utime.tv_usec) * 1e-6;
}

constexpr const char *kArithmetic = R"(
mov.u32 %r1, 0; mov.f32 %f1, 0f3F800000; mov.f32 %f2, 0f3F000000;
LOOP: fma.rn.f32 %f1, %f1, %f2, %f2; add.u32 %r2, %r1, %r0; shl.b32 %r3, %r2, 3; xor.b32 %r4, %r3, %r2; and.b32 %r5, %r4, 255;
mul.lo.u32 %r6, %r5, %r2; add.f32 %f3, %f1, %f2; max.f32 %f1, %f3, %f2;
add.u32 %r1, %r1, 1; setp.lt.u32 %p1, %r1, 2000; @%p1 bra LOOP;)";

/// One row of a product with f32 weights: 16 bytes of weights and of inputs a lane, inputs through shared memory.
constexpr const char *kRows = R"(
mul.wide.u32 %rd1, %r0, 16; add.u64 %rd2, %rd0, %rd1; mov.u32 %r1, smem; mad.lo.u32 %r2, %r0, 16, %r1;
ld.global.v4.f32 {%f1,%f2,%f3,%f4}, [%rd2]; st.shared.v4.f32 [%r2], {%f1,%f2,%f3,%f4}; bar.sync 0;
mov.u32 %r3, 0; mov.f32 %f10, 0f00000000; and.b32 %r4, %r0, 31; mad.lo.u32 %r5, %r4, 16, %r1;
LOOP: ld.global.nc.v4.f32 {%f1,%f2,%f3,%f4}, [%rd2]; ld.shared.v4.f32 {%f5,%f6,%f7,%f8}, [%r5];
fma.rn.f32 %f10, %f1, %f5, %f10; fma.rn.f32 %f10, %f2, %f6, %f10; fma.rn.f32 %f10, %f3, %f7, %f10; fma.rn.f32 %f10, %f4, %f8, %f10;
add.u64 %rd2, %rd2, 512; add.u32 %r3, %r3, 1; setp.lt.u32 %p1, %r3, 1000; @%p1 bra LOOP;)";

struct Job {
  const char *name;
  std::string text;
  LaunchShape shape;
  std::vector<size_t> bytes; // of each 64-bit parameter
  bool hasRows;
};

void measure(const Job &job, int repeats) {
  Device device;
  auto module = parseModule(job.text);
  if (!module.ok()) {
    std::fprintf(stderr, "%s\n", module.error().message.c_str());
    return;
  }
  std::vector<std::unique_ptr<Buffer<uint8_t>>> buffers;
  Arguments arguments;
  for (size_t bytes : job.bytes) {
    buffers.push_back(std::make_unique<Buffer<uint8_t>>(device, std::vector<uint8_t>(bytes, 1)));
    arguments << *buffers.back();
  }
  if (job.hasRows)
    arguments << uint32_t(1);
  size_t at = job.text.find(".entry ") + 7;
  std::string kernel = job.text.substr(at, job.text.find('(', at) - at);
  double best = 0, count = 0;
  for (int i = 0; i < repeats; ++i) {
    double start = userSeconds();
    auto result = device.launch(**module, kernel, job.shape, arguments.pointers());
    if (!result.ok()) {
      std::fprintf(stderr, "%s\n", result.error().message.c_str());
      return;
    }
    count = static_cast<double>(result->laneInstructions);
    best = std::max(best, count / (userSeconds() - start));
  }
  std::printf("%-12s %8.1f M lane instructions, %7.1f M a second\n", job.name, count * 1e-6, best * 1e-6);
}

std::string readFile(const std::string &path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}
} // namespace

int main(int argc, char **argv) {
  auto repeats = argc > 1 ? static_cast<int>(std::strtol(argv[1], nullptr, 10)) : 5;
  std::string decode = readFile(std::string(LMOPT_PTX_KERNELS) + "/decode_u8s8.ptx");
  for (const Job &job : {
           Job{"arithmetic", kernelText(kArithmetic), shapeOf(8, 256), {4096}, false},
           Job{"rows", kernelText(kRows), shapeOf(4, 256, 4096), {1 << 20}, false},
           Job{"decode", decode, shapeOf(4, 256, 4096), {64 * 512, 256, 256, 4096, 32, 32, 4096}, true},
       })
    measure(job, repeats);
  return 0;
}
