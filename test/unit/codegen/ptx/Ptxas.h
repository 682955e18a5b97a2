// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What ptxas makes of a text. In: PTX, an architecture. Out: whether it takes it, registers and spills of the first
// kernel that it tells of, its log. LMOPT_PTXAS names it; else CUDA's usual place; "" where there is none.
#ifndef LMOPT_TEST_UNIT_CODEGEN_PTX_PTXAS_H
#define LMOPT_TEST_UNIT_CODEGEN_PTX_PTXAS_H

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <regex>
#include <sstream>
#include <string>
#include <unistd.h>

namespace lmopt::kerneltest {

inline std::string ptxas() {
  const char *named = std::getenv("LMOPT_PTXAS");
  std::string path = named ? named : "/usr/local/cuda/bin/ptxas";
  return std::filesystem::exists(path) ? path : "";
}

struct Resources {
  bool isTaken = false;
  int registers = -1, spilledBytes = -1;
  std::string log;
};

inline Resources assemble(const std::string &text, const std::string &architecture) {
  std::string stem = testing::TempDir() + "lmopt-resources-" + std::to_string(::getpid());
  std::ofstream(stem + ".ptx") << text;
  std::string command =
      ptxas() + " -v -arch=" + architecture + " " + stem + ".ptx -o " + stem + ".cubin > " + stem + ".log 2>&1";
  Resources found;
  found.isTaken = std::system(command.c_str()) == 0;
  std::stringstream log;
  log << std::ifstream(stem + ".log").rdbuf();
  found.log = log.str();
  for (const char *suffix : {".ptx", ".cubin", ".log"})
    std::filesystem::remove(stem + suffix);
  std::smatch match;
  if (std::regex_search(found.log, match, std::regex("Used ([0-9]+) registers")))
    found.registers = std::stoi(match[1]);
  if (std::regex_search(found.log, match, std::regex("([0-9]+) bytes spill stores, ([0-9]+) bytes spill loads")))
    found.spilledBytes = std::stoi(match[1]) + std::stoi(match[2]);
  return found;
}

} // namespace lmopt::kerneltest

#endif // LMOPT_TEST_UNIT_CODEGEN_PTX_PTXAS_H
