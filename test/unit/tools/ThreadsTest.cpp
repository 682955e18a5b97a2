// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What `lmopt bench` and `lmopt run -v` say of the number of threads. The choice itself:
// test/unit/runtime/HostTest.cpp.
#include "tools/lmopt/Threads.h"

#include <gtest/gtest.h>

using namespace lmopt::driver;

TEST(Threads, SayWhyThereAreSoMany) {
  EXPECT_EQ(threadsText(0, {4, 2, 2.5}), "2 threads: 2 physical cores of 4 CPUs allowed, quota 2.5 CPUs");
  EXPECT_EQ(threadsText(0, {8, 8, 1}), "1 thread: 8 physical cores of 8 CPUs allowed, quota 1 CPU");
  EXPECT_EQ(threadsText(0, {1, 1, 0}), "1 thread: 1 physical core of 1 CPU allowed, no CPU quota");
  EXPECT_EQ(threadsText(0, {2, 2, 0.5}), "1 thread: 2 physical cores of 2 CPUs allowed, quota 0.5 CPUs");
}

TEST(Threads, SayWhatTheUserAskedFor) {
  EXPECT_EQ(threadsText(4, {4, 2, 0}), "4 threads: as asked; 2 physical cores of 4 CPUs allowed, no CPU quota");
  EXPECT_EQ(threadsText(3, {4, 4, 2.5}), "3 threads: as asked; 4 physical cores of 4 CPUs allowed, quota 2.5 CPUs; "
                                         "too many to spin while they wait");
  EXPECT_EQ(threadsText(1, {4, 4, 0.5}), "1 thread: as asked; 4 physical cores of 4 CPUs allowed, quota 0.5 CPUs");
}

TEST(Threads, AsJson) {
  EXPECT_EQ(threadsJson(0, {4, 2, 2.5}).dump(),
            R"({"count":2,"asked":false,"cpus":4,"cores":2,"quota":2.5,"spin":true})");
  EXPECT_EQ(threadsJson(5, {4, 4, 0}).dump(),
            R"({"count":5,"asked":true,"cpus":4,"cores":4,"quota":null,"spin":false})");
}
