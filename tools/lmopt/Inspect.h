// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How `lmopt inspect` shows what it knows: one JSON object, printed as such or for people.
//
// For people, scalars are lines "key  value" (nested keys joined by dots) and a list of objects is a table with a
// column for each key. Tested by test/unit/tools/InspectTest.cpp and test/tools/lmopt.
#ifndef LMOPT_TOOLS_LMOPT_INSPECT_H
#define LMOPT_TOOLS_LMOPT_INSPECT_H

#include <nlohmann/json.hpp>

#include <string>

namespace lmopt::driver {

/// The text for people.
std::string inspectionText(const nlohmann::ordered_json &facts);

/// The text, or with `json` one line of JSON.
std::string inspectionOutput(const nlohmann::ordered_json &facts, bool json);

} // namespace lmopt::driver

#endif // LMOPT_TOOLS_LMOPT_INSPECT_H
