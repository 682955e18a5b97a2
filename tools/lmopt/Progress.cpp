// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Progress on stderr. See Progress.h.
#include "tools/lmopt/Progress.h"

#include <algorithm>
#include <cmath>

#include <unistd.h>

namespace lmopt::driver {

using namespace std::chrono_literals;

static constexpr auto kBarInterval = 100ms; // the eye sees no more
static constexpr auto kLineInterval = 5s;   // a log should stay readable
static constexpr int kBarWidth = 30;
// Before this the scaled estimate is mostly noise.
static constexpr double kFirstEstimateSeconds = 0.5;

ProgressStyle progressStyle(bool quiet, std::FILE *stream) {
  if (quiet)
    return ProgressStyle::Silent;
  return isatty(fileno(stream)) ? ProgressStyle::Bar : ProgressStyle::Lines;
}

std::string progressText(ProgressStyle style, std::string_view task, double fraction, std::string_view detail,
                         double elapsedSeconds) {
  fraction = std::isnan(fraction) ? 0.0 : std::clamp(fraction, 0.0, 1.0);
  char number[32];
  std::snprintf(number, sizeof number, "%3d%%", static_cast<int>(fraction * 100));
  std::string text = std::string(task) + " " + number;
  if (style == ProgressStyle::Bar) {
    int filled = static_cast<int>(fraction * kBarWidth);
    text += " [" + std::string(filled, '#') + std::string(kBarWidth - filled, ' ') + "]";
  }
  if (!detail.empty())
    text += " " + std::string(detail);
  if (fraction > 0 && elapsedSeconds >= kFirstEstimateSeconds) {
    double left = elapsedSeconds * (1 - fraction) / fraction;
    std::snprintf(number, sizeof number, ", %.0f s left", std::ceil(left));
    text += number;
  }
  return text;
}

Progress::Progress(std::string task, ProgressStyle style, std::FILE *stream)
    : task(std::move(task)), style(style), stream(stream), start(Clock::now()), shown(start) {}

Progress::~Progress() {
  if (visible)
    std::fputs("\r\x1b[K", stream);
}

void Progress::update(double fraction, std::string_view detail) {
  if (style == ProgressStyle::Silent)
    return;
  Clock::time_point now = Clock::now();
  Clock::duration pause = now - shown;
  bool due = style == ProgressStyle::Bar ? (!visible || pause >= kBarInterval) : pause >= kLineInterval;
  if (!due)
    return;
  shown = now;
  show(progressText(style, task, fraction, detail, std::chrono::duration<double>(now - start).count()));
}

void Progress::show(std::string_view text) {
  if (style == ProgressStyle::Bar) {
    std::fprintf(stream, "\r%.*s\x1b[K", static_cast<int>(text.size()), text.data());
    std::fflush(stream);
    visible = true;
  } else {
    std::fprintf(stream, "lmopt: %.*s\n", static_cast<int>(text.size()), text.data());
  }
}

} // namespace lmopt::driver
