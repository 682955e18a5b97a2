// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How far a long command is, with the time that is left: a bar on a terminal, a plain line every few seconds elsewhere,
// nothing with --quiet.
//
// In: fractions in [0, 1] as work goes on. Out: stderr only. The time left is what the work so far took, scaled.
// Tested by test/unit/tools/ProgressTest.cpp.
#ifndef LMOPT_TOOLS_LMOPT_PROGRESS_H
#define LMOPT_TOOLS_LMOPT_PROGRESS_H

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

namespace lmopt::driver {

enum class ProgressStyle { Silent, Lines, Bar };

/// The style that fits `stream`: a bar on a terminal, lines elsewhere, silent when `quiet`.
ProgressStyle progressStyle(bool quiet, std::FILE *stream = stderr);

/// One state of the display, without the escape codes around it: "compile  43% [#####      ] lower, 12 s left".
std::string progressText(ProgressStyle style, std::string_view task, double fraction, std::string_view detail,
                         double elapsedSeconds);

class Progress {
public:
  Progress(std::string task, ProgressStyle style, std::FILE *stream = stderr);
  /// Clears an unfinished bar, so that an error message starts on a clean line.
  ~Progress();
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  /// Shows that `fraction` of the work is done and `detail` is at hand; cheap enough to be called for every tensor.
  void update(double fraction, std::string_view detail = "");

private:
  using Clock = std::chrono::steady_clock;
  void show(std::string_view text);

  std::string task;
  ProgressStyle style;
  std::FILE *stream;
  Clock::time_point start;
  Clock::time_point shown;
  bool visible = false; // a bar is on the current line
};

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_PROGRESS_H
