// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Launches of kernels, kept with what the interpreter made of them, so that a card can be asked for the same later.
//
// In: a launch of a test. Out: where LMOPT_RECORD_KERNELS names a folder, a file KERNEL-HASH.launch there: a magic, the
// length of a header, the header (JSON), the text, the contents of each argument that has some, the result. One launch
// is kept once. script/gpu-check carries the folder; gpu-replay (ReplayMain.cpp) reads it. Tested by the test
// gpu-check.
#ifndef LMOPT_TEST_PTX_RECORD_KERNELRECORD_H
#define LMOPT_TEST_PTX_RECORD_KERNELRECORD_H

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace lmopt::ptx {

inline constexpr char kRecordMagic[] = "LMOPTKL1";

/// One argument: a number, contents of memory, or memory for the result.
struct RecordedArgument {
  enum Kind { Number, Contents, Result } kind = Number;
  uint32_t number = 0;
  const char *data = nullptr; ///< of a result: what the interpreter left there
  size_t bytes = 0;
};

struct RecordedLaunch {
  std::string kernel, text;
  std::array<uint32_t, 3> grid{1, 1, 1};
  uint32_t threads = 0, sharedBytes = 0;
  std::vector<RecordedArgument> arguments; ///< one of them is a result
  bool anyNan = false;                     ///< two NaNs are equal
  size_t fill = 0xcd;                      ///< bytes of the result before the launch
};

/// FNV-1a.
inline uint64_t hashOf(const std::string &bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char byte : bytes)
    hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3;
  return hash;
}

inline std::string headerOf(const RecordedLaunch &launch) {
  auto number = [](uint64_t value) { return std::to_string(value); };
  std::string text = "{\"kernel\": \"" + launch.kernel + "\", \"threads\": " + number(launch.threads) +
                     ", \"shared_bytes\": " + number(launch.sharedBytes) + ", \"grid\": [" + number(launch.grid[0]) +
                     ", " + number(launch.grid[1]) + ", " + number(launch.grid[2]) +
                     "], \"text_bytes\": " + number(launch.text.size()) + ", \"fill\": " + number(launch.fill) +
                     ", \"any_nan\": " + (launch.anyNan ? "true" : "false") + ", \"arguments\": [";
  for (const RecordedArgument &argument : launch.arguments)
    text += std::string(&argument == launch.arguments.data() ? "" : ", ") +
            (argument.kind == RecordedArgument::Number     ? "{\"number\": " + number(argument.number)
             : argument.kind == RecordedArgument::Contents ? "{\"bytes\": " + number(argument.bytes)
                                                           : "{\"result\": " + number(argument.bytes)) +
            "}";
  return text + "]}";
}

/// Where launches are kept; empty: nowhere.
inline std::string recordFolder() {
  const char *folder = std::getenv("LMOPT_RECORD_KERNELS");
  return folder ? folder : "";
}

inline void recordLaunch(const RecordedLaunch &launch) {
  std::string header = headerOf(launch), contents;
  for (RecordedArgument::Kind kind : {RecordedArgument::Contents, RecordedArgument::Result})
    for (const RecordedArgument &argument : launch.arguments)
      if (argument.kind == kind)
        contents.append(argument.data, argument.bytes);
  auto length = static_cast<uint32_t>(header.size());
  std::string file = kRecordMagic + std::string(reinterpret_cast<const char *>(&length), sizeof length) + header +
                     launch.text + contents;
  std::filesystem::path folder = recordFolder();
  std::filesystem::create_directories(folder);
  std::ofstream(folder / (launch.kernel.substr(0, 80) + "-" + std::to_string(hashOf(file)) + ".launch"),
                std::ios::binary)
      << file;
}

} // namespace lmopt::ptx

#endif // LMOPT_TEST_PTX_RECORD_KERNELRECORD_H
