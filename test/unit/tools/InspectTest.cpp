// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How `lmopt inspect` lays out facts for people.
#include "tools/lmopt/Inspect.h"

#include <gtest/gtest.h>

using namespace lmopt::driver;
using Json = nlohmann::ordered_json;

TEST(Inspect, NestedKeysAreJoined) {
  Json facts = {{"file", "a.so"}, {"config", {{"heads", 9}}}};
  EXPECT_EQ(inspectionText(facts), "file          a.so\nconfig.heads  9\n");
}

TEST(Inspect, ListsOfObjectsAreTables) {
  Json facts = {{"layers", {{{"name", "a"}, {"shape", {3, 4}}, {"bytes", 12}}, {{"name", "longer"}, {"bytes", 7}}}}};
  EXPECT_EQ(inspectionText(facts), "\nlayers\n"
                                   "  name    shape  bytes\n"
                                   "  a       3 x 4     12\n"
                                   "  longer             7\n");
}

TEST(Inspect, NamesLeadAndLongTextsComeLast) {
  Json facts = {{"steps", {{{"kernel", std::string(50, 'k')}, {"bytes", 5}, {"name", "a"}}}}};
  EXPECT_EQ(inspectionText(facts), "\nsteps\n"
                                   "  name  bytes  kernel\n"
                                   "  a         5  " +
                                       std::string(50, 'k') + "\n");
}

TEST(Inspect, TheManifestIsNotAPrefix) {
  Json facts = {{"file", "a.so"}, {"manifest", {{"kind", "decoder"}}}};
  EXPECT_EQ(inspectionText(facts), "file  a.so\nkind  decoder\n");
}

TEST(Inspect, JsonIsOneLineAndSurvivesBadText) {
  Json facts = {{"name", "\xff"}};
  EXPECT_EQ(inspectionOutput(facts, true), "{\"name\":\"\xEF\xBF\xBD\"}\n");
}

TEST(Inspect, ControlCharactersAreShownNotSent) {
  Json facts = {{"na\x1bme", "a\nb\x7f"}, {"layers", {{{"k\x07", "\x1b[2J"}}}}};
  EXPECT_EQ(inspectionText(facts), "na\\x1bme  a\\x0ab\\x7f\n\nlayers\n  k\\x07\n  \\x1b[2J\n");
}
