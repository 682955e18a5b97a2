// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Figures are measured once, survive, belong to their work, and a damaged file is none.
#include "tools/compress/Table.h"

#include "gtest/gtest.h"

#include <filesystem>
#include <fstream>

#include <unistd.h>

using namespace lmopt;

namespace {

class TableTest : public testing::Test {
protected:
  std::string file = testing::TempDir() + "/lmopt-table-" + std::to_string(::getpid()) + ".json";
  int measured = 0;

  void TearDown() override { std::filesystem::remove(file); }

  double ask(Table &table, const std::string &name, double value) {
    Result<nlohmann::json> found = table.get(name, [&]() -> Result<nlohmann::json> {
      ++measured;
      return nlohmann::json(value);
    });
    return found.ok() ? found->get<double>() : -1;
  }
};

TEST_F(TableTest, MeasuresOnce) {
  Table table = Table::open(file, "work");
  EXPECT_EQ(ask(table, "a", 1), 1);
  EXPECT_EQ(ask(table, "a", 2), 1);
  EXPECT_EQ(measured, 1);
}

TEST_F(TableTest, GoesOnWhereItWas) {
  Table first = Table::open(file, "work");
  ask(first, "a", 1);
  ask(first, "b", 2);
  Table second = Table::open(file, "work");
  EXPECT_EQ(ask(second, "a", 9), 1);
  EXPECT_EQ(ask(second, "b", 9), 2);
  EXPECT_EQ(measured, 2);
}

TEST_F(TableTest, OtherWorkBeginsAnew) {
  Table first = Table::open(file, "work");
  ask(first, "a", 1);
  Table second = Table::open(file, "other work");
  EXPECT_EQ(ask(second, "a", 9), 9);
}

TEST_F(TableTest, WhatCannotBeReadIsAsIfItWereNotThere) {
  for (const char *damage :
       {"", "{", "[]", R"({"identity": 1})", R"({"identity": "work", "values": 3})", "{\"identity\": \"work\"}"}) {
    std::ofstream(file) << damage;
    Table table = Table::open(file, "work");
    EXPECT_FALSE(table.knows("a")) << damage;
    EXPECT_EQ(ask(table, "a", 4), 4) << damage;
  }
}

TEST_F(TableTest, AFailureIsNoFigure) {
  Table table = Table::open(file, "work");
  auto fail = []() -> Result<nlohmann::json> { return unsupported("no"); };
  EXPECT_FALSE(table.get("a", fail).ok());
  EXPECT_FALSE(table.knows("a"));
}

} // namespace
