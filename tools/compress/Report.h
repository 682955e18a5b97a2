// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What compression did and what it cost, for programs and for people.
//
// In: a CompressResult. Out: report.json (every figure that was measured), and report.html, one file without scripts or
// anything from elsewhere, made of that JSON alone. Tested by test/unit/tools/ReportTest.cpp and
// test/tools/lmopt/compress.sh.
#ifndef LMOPT_TOOLS_COMPRESS_REPORT_H
#define LMOPT_TOOLS_COMPRESS_REPORT_H

#include "files/Status.h"

#include <nlohmann/json.hpp>

#include <string>

namespace lmopt {

struct CompressResult;
struct CompressSettings;

/// Where the figures are from.
struct ReportOrigin {
  std::string source, budget, text, cpu;
};
nlohmann::ordered_json makeReport(const CompressResult &result, const CompressSettings &settings,
                                  const ReportOrigin &origin);

/// A page for people, of a report as makeReport gives it.
std::string reportPage(const nlohmann::ordered_json &report);

/// report.json, report.html and recipe.json in the directory, which is made when it is missing.
Result<void> writeReport(const nlohmann::ordered_json &report, const std::string &directory);

} // namespace lmopt

#endif // LMOPT_TOOLS_COMPRESS_REPORT_H
