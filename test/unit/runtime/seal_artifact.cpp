// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gives a fake model (fake_model.c) its checksums, in place, as the compiler does. Usage: seal-artifact LIBRARY
// [WEIGHTS]: WEIGHTS is written first, the split-out weights of FAKE_SPLIT: weight[i] = 7 i + 3.
#include "codegen/link/SectionAppender.h"

#include <cstdio>
#include <fstream>

using lmopt::link::SectionAppender;

static bool writeWeights(const std::string &path, uint64_t &checksum, std::string &error) {
  std::ofstream{path, std::ios::binary}; // made empty
  SectionAppender weights;
  bool good = weights.open(path, error) && weights.begin("", error);
  for (int32_t i = 0; good && i < 2048; ++i) {
    int32_t weight = 7 * i + 3;
    good = weights.write(&weight, sizeof weight, error);
  }
  return good && weights.finishWeights(checksum, error);
}

int main(int argc, char **argv) {
  if (argc < 2)
    return 2;
  uint64_t checksum = 0;
  std::string error;
  SectionAppender library;
  if ((argc == 2 || writeWeights(argv[2], checksum, error)) && library.open(argv[1], error) &&
      library.finish(checksum, error))
    return 0;
  std::fprintf(stderr, "%s\n", error.c_str());
  return 1;
}
