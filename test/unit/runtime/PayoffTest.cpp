// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How many guesses pay, by costs and successes that the test makes up: by hand-computed tokens a second.
#include "runtime/src/session/payoff.h"

#include <gtest/gtest.h>

namespace {

/// Passes of r rows take 1 + slope (r - 1).
lmoptp_payoff_t measured(double slope, double drafted = 0) {
  lmoptp_payoff_t payoff;
  lmoptp_payoff_start(&payoff, 0.1);
  for (int64_t rows = 1; rows <= LMOPTP_MOST_PROPOSED + 1; ++rows)
    lmoptp_payoff_pass(&payoff, rows, 1 + slope * double(rows - 1));
  if (drafted > 0)
    lmoptp_payoff_draft(&payoff, 2, 2 * drafted);
  return payoff;
}

/// So many times right, then as often wrong.
void teach(lmoptp_payoff_t &payoff, int source, int right, int wrong) {
  for (int i = 0; i < right; ++i)
    lmoptp_payoff_learn(&payoff, source, 1);
  for (int i = 0; i < wrong; ++i)
    lmoptp_payoff_learn(&payoff, source, 0);
}

void teachAll(lmoptp_payoff_t &payoff, int right, int wrong) {
  for (int source = 0; source < LMOPTP_SOURCES; ++source)
    teach(payoff, source, right, wrong);
}

TEST(Payoff, sourcesByAgreement) {
  EXPECT_EQ(lmoptp_source_of(2), 1);
  EXPECT_EQ(lmoptp_source_of(3), 2);
  EXPECT_EQ(lmoptp_source_of(5), 3);
  EXPECT_EQ(lmoptp_source_of(8), 4);
  EXPECT_EQ(lmoptp_source_of(15), 5);
  EXPECT_EQ(lmoptp_source_of(1000), LMOPTP_SOURCES - 1);
}

// The first pass is a single step, whatever is hoped for.
TEST(Payoff, nothingBeforeTheFirstStep) {
  lmoptp_payoff_t payoff;
  lmoptp_payoff_start(&payoff, 0.1);
  teachAll(payoff, 100, 0);
  double rate = 0;
  EXPECT_EQ(lmoptp_payoff_lookup(&payoff, 30, 15, &rate), 0);
  EXPECT_EQ(lmoptp_payoff_drafts(&payoff, 15, &rate), 0);
}

TEST(Payoff, allThatAreRight) {
  lmoptp_payoff_t payoff = measured(0.1);
  teachAll(payoff, 500, 0);
  double rate = 0;
  EXPECT_EQ(lmoptp_payoff_lookup(&payoff, 30, 15, &rate), 15);
  EXPECT_NEAR(rate, 16 / 2.5, 0.01);
  EXPECT_EQ(lmoptp_payoff_lookup(&payoff, 30, 4, &rate), 4);
  EXPECT_NEAR(rate, 5 / 1.4, 0.01);
  EXPECT_EQ(lmoptp_payoff_lookup(&payoff, 30, 0, &rate), 0);
}

TEST(Payoff, noneOfThoseThatAreWrong) {
  lmoptp_payoff_t payoff = measured(0.1);
  teachAll(payoff, 0, 200);
  double rate = 0;
  EXPECT_EQ(lmoptp_payoff_lookup(&payoff, 2, 15, &rate), 0);
  EXPECT_EQ(lmoptp_payoff_drafts(&payoff, 15, &rate), 0);
}

// Half of them right at 0.2 a row: 1.5 / 1.2 = 1.25 and 1.75 / 1.4 = 1.25, then 1.875 / 1.6 = 1.17 tokens.
TEST(Payoff, fewOfThoseThatAreHalfRight) {
  lmoptp_payoff_t payoff = measured(0.2);
  for (double &agreed : payoff.agreed)
    agreed = 0.499;
  double rate = 0;
  EXPECT_EQ(lmoptp_payoff_lookup(&payoff, 30, 15, &rate), 1);
  EXPECT_NEAR(rate, 1.499 / 1.2, 1e-9);
  for (double &agreed : payoff.agreed)
    agreed = 0.501;
  EXPECT_EQ(lmoptp_payoff_lookup(&payoff, 30, 15, &rate), 2);
}

// Where two rows cost as much as eight, it is all or nothing.
TEST(Payoff, aStepInTheCosts) {
  lmoptp_payoff_t payoff = measured(0);
  for (int64_t rows = 2; rows <= LMOPTP_MOST_PROPOSED + 1; ++rows)
    payoff.passes[rows].seconds = rows <= 8 ? 2.2 : 4.2;
  double rate = 0;
  for (double &agreed : payoff.agreed)
    agreed = 0.5;
  EXPECT_EQ(lmoptp_payoff_lookup(&payoff, 30, 15, &rate), 0);
  for (double &agreed : payoff.agreed)
    agreed = 0.8;
  EXPECT_EQ(lmoptp_payoff_lookup(&payoff, 30, 15, &rate), 7);
}

// Every token of a draft costs: of 0.9 right at 0.1 a row and 0.3 a token the best is one more than none; free: 15.
TEST(Payoff, draftsCost) {
  lmoptp_payoff_t payoff = measured(0.1, 0.3), dear = measured(0.1, 0.95);
  payoff.agreed[LMOPTP_FROM_DRAFT] = dear.agreed[LMOPTP_FROM_DRAFT] = 0.9;
  double rate = 0;
  EXPECT_EQ(lmoptp_payoff_drafts(&payoff, 15, &rate), 4); // 4.0951 / 2.6
  EXPECT_NEAR(rate, 4.0951 / 2.6, 1e-9);
  EXPECT_EQ(lmoptp_payoff_drafts(&dear, 15, &rate), 0); // 1.9 / 2.05
}

// A draft that was not worth it is asked again after a while.
TEST(Payoff, aDraftIsAskedAgain) {
  lmoptp_payoff_t payoff = measured(0.1, 0.1);
  teach(payoff, LMOPTP_FROM_DRAFT, 0, 100);
  double rate = 0;
  EXPECT_EQ(lmoptp_payoff_drafts(&payoff, 15, &rate), 0);
  payoff.unused += 200;
  EXPECT_GT(lmoptp_payoff_drafts(&payoff, 15, &rate), 0);
  lmoptp_payoff_draft(&payoff, 1, 0.1);
  EXPECT_EQ(lmoptp_payoff_drafts(&payoff, 15, &rate), 0);
}

// So is one that took long by accident; a draft that is as large as the model is not.
TEST(Payoff, aSlowDraftIsAskedAgain) {
  lmoptp_payoff_t payoff = measured(0.1, 5);
  double rate = 0;
  EXPECT_EQ(lmoptp_payoff_drafts(&payoff, 15, &rate), 0);
  payoff.unused += 200;
  EXPECT_GT(lmoptp_payoff_drafts(&payoff, 15, &rate), 0);
  payoff.draft_share = 1;
  EXPECT_EQ(lmoptp_payoff_drafts(&payoff, 15, &rate), 0);
}

// One slow pass among fast ones says little, many say that the machine is slower now.
TEST(Payoff, costsFollowSlowly) {
  lmoptp_payoff_t payoff = measured(0.1);
  for (int i = 0; i < 10; ++i)
    lmoptp_payoff_pass(&payoff, 4, 1.3);
  lmoptp_payoff_pass(&payoff, 4, 9.3);
  EXPECT_NEAR(payoff.passes[4].seconds, 1.3 + 1, 1e-9);
  lmoptp_payoff_pass(&payoff, 4, 1.2);
  EXPECT_EQ(payoff.passes[4].seconds, 1.2);
  for (int i = 0; i < 100; ++i)
    lmoptp_payoff_pass(&payoff, 4, 5);
  EXPECT_NEAR(payoff.passes[4].seconds, 5, 0.01);
}

} // namespace
