// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sampler: what may be chosen under each option, that frequencies follow the probabilities, and that seeds repeat.
#include "Fixture.h"

#include <cmath>
#include <limits>
#include <map>

using namespace lmopt::test;

namespace {

lmopt_sampler_options_t options(float temperature, int32_t topK = 0, float topP = 0, float minP = 0,
                                uint64_t seed = 1) {
  lmopt_sampler_options_t result{};
  result.struct_size = sizeof result;
  result.temperature = temperature;
  result.top_k = topK;
  result.top_p = topP;
  result.min_p = minP;
  result.seed = seed;
  return result;
}

Sampler makeSampler(const lmopt_sampler_options_t &options, size_t vocabulary) {
  lmopt_sampler_t *sampler = nullptr;
  EXPECT_EQ(lmopt_sampler_create(&options, int32_t(vocabulary), &sampler, nullptr), LMOPT_OK);
  return Sampler(sampler);
}

std::map<int32_t, int> histogram(const lmopt_sampler_options_t &options, const std::vector<float> &logits, int draws) {
  Sampler sampler = makeSampler(options, logits.size());
  std::map<int32_t, int> counts;
  for (int i = 0; i < draws; ++i) {
    int32_t token = -1;
    EXPECT_EQ(lmopt_sampler_sample(sampler.get(), logits.data(), &token, nullptr), LMOPT_OK);
    ++counts[token];
  }
  return counts;
}

const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();

TEST(Sampler, greedyTakesTheGreatest) {
  EXPECT_EQ(histogram(options(0), {1, 5, 3, 5, -2}, 3), (std::map<int32_t, int>{{1, 3}})) << "the smaller id of equals";
  EXPECT_EQ(histogram(options(0), {nan, -infinity, -5, nan}, 1).begin()->first, 2);
  EXPECT_EQ(histogram(options(0), {1, infinity, 3}, 1).begin()->first, 1);
}

TEST(Sampler, frequenciesFollowTheProbabilities) {
  // Probabilities 0.5, 0.25, 0.125, 0.125 at temperature 1; 20000 draws: four standard deviations are below 0.015.
  std::vector<float> logits;
  for (double p : {0.125, 0.5, 0.125, 0.25})
    logits.push_back(float(std::log(p)) + 3.0f);
  std::map<int32_t, int> counts = histogram(options(1), logits, 20000);
  EXPECT_NEAR(counts[1] / 20000.0, 0.5, 0.015);
  EXPECT_NEAR(counts[3] / 20000.0, 0.25, 0.015);
  EXPECT_NEAR(counts[0] / 20000.0, 0.125, 0.015);
  // At temperature 0.5 probabilities are squared: 16/22, 4/22, 1/22, 1/22.
  counts = histogram(options(0.5f), logits, 20000);
  EXPECT_NEAR(counts[1] / 20000.0, 16.0 / 22, 0.015);
  EXPECT_NEAR(counts[3] / 20000.0, 4.0 / 22, 0.015);
}

TEST(Sampler, filtersKeepWhatTheyShould) {
  std::vector<float> logits;
  for (double p : {0.1, 0.4, 0.05, 0.3, 0.15})
    logits.push_back(float(std::log(p)));
  auto kept = [&](const lmopt_sampler_options_t &chosen) {
    std::string tokens;
    for (auto [token, count] : histogram(chosen, logits, 2000))
      tokens += std::to_string(token);
    return tokens;
  };
  EXPECT_EQ(kept(options(1)), "01234");
  EXPECT_EQ(kept(options(1, 1)), "1");
  EXPECT_EQ(kept(options(1, 3)), "134");
  EXPECT_EQ(kept(options(1, 99)), "01234");
  EXPECT_EQ(kept(options(1, 0, 0.6f)), "13");
  EXPECT_EQ(kept(options(1, 0, 0.72f)), "134");
  EXPECT_EQ(kept(options(1, 0, 1.0f)), "01234");
  EXPECT_EQ(kept(options(1, 0, 0.0001f)), "1") << "at least one";
  EXPECT_EQ(kept(options(1, 0, 0, 0.3f)), "134");
  EXPECT_EQ(kept(options(1, 0, 0, 1.0f)), "1");
  EXPECT_EQ(kept(options(1, 4, 0.9f, 0.3f)), "134");
  EXPECT_EQ(kept(options(0.01f)), "1");
}

TEST(Sampler, ordersEqualsById) { EXPECT_EQ(histogram(options(1, 2), {7, 7, 7, 7, 7, 7}, 500).rbegin()->first, 1); }

TEST(Sampler, saysHowManyOfTheGreatestItLooksAt) {
  auto topOf = [](float temperature, int32_t topK) {
    return lmopt_sampler_top(makeSampler(options(temperature, topK), 50).get());
  };
  EXPECT_EQ(topOf(0, 40), 1);
  EXPECT_EQ(topOf(1, 40), 40);
  EXPECT_EQ(topOf(1, 0), 50);
  EXPECT_EQ(topOf(1, 70), 50);
}

TEST(Sampler, aSeedRepeats) {
  std::vector<float> logits(1000);
  for (size_t i = 0; i < logits.size(); ++i)
    logits[i] = float((i * 37) % 101) / 25;
  auto draw = [&](uint64_t seed) {
    Sampler sampler = makeSampler(options(1.3f, 200, 0.95f, 0.01f, seed), logits.size());
    std::vector<int32_t> tokens(50);
    for (int32_t &token : tokens)
      EXPECT_EQ(lmopt_sampler_sample(sampler.get(), logits.data(), &token, nullptr), LMOPT_OK);
    return tokens;
  };
  EXPECT_EQ(draw(5), draw(5));
  EXPECT_NE(draw(5), draw(6));
}

TEST(Sampler, neverChoosesWhatIsNoNumber) {
  std::map<int32_t, int> counts = histogram(options(1), {nan, 1, -infinity, nan, 1, -infinity}, 500);
  EXPECT_EQ(counts.size(), 2u);
  EXPECT_EQ(counts[1] + counts[4], 500);
  EXPECT_EQ(histogram(options(1), {1, infinity, 2}, 50).size(), 1u);
  std::vector<float> nothing = {nan, -infinity};
  for (float temperature : {0.0f, 1.0f}) {
    Sampler sampler = makeSampler(options(temperature), 2);
    int32_t token = -1;
    EXPECT_EQ(lmopt_sampler_sample(sampler.get(), nothing.data(), &token, nullptr), LMOPT_ERROR_INTERNAL);
    EXPECT_EQ(token, -1);
  }
}

TEST(Sampler, optionsAreChecked) {
  lmopt_sampler_t *sampler = nullptr;
  for (const lmopt_sampler_options_t &wrong :
       {options(-1), options(nan), options(infinity), options(1, -1), options(1, 0, 1.5f), options(1, 0, nan),
        options(1, 0, 0, -0.1f), options(1, 0, 0, 2)})
    EXPECT_EQ(lmopt_sampler_create(&wrong, 10, &sampler, nullptr), LMOPT_ERROR_USAGE);
  lmopt_sampler_options_t good = options(1);
  EXPECT_EQ(lmopt_sampler_create(&good, 0, &sampler, nullptr), LMOPT_ERROR_USAGE);
}

} // namespace
