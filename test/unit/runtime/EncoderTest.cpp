// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Encoders over the fake models: any packing gives the results that each sequence alone defines, wanted or not, with
// inputs or without; misuse is refused before anything is written.
#include "Fixture.h"

using namespace lmopt::test;

namespace {

TEST(Encoder, packsSequencesOfAllLengths) {
  Model model = openModel(encoderPath);
  for (int32_t threads : {1, 2, 4}) {
    Session session = makeSession(model, makeTeam(threads));
    std::vector<int32_t> tokens;
    std::vector<int64_t> lengths;
    std::vector<std::vector<int32_t>> sequences;
    for (size_t length : {1, 64, 36, 64, 37, 1, 1, 16, 17, 15, 64, 64, 63, 2, 48, 50, 1}) {
      sequences.push_back(someTokens(length, uint32_t(sequences.size())));
      tokens.insert(tokens.end(), sequences.back().begin(), sequences.back().end());
      lengths.push_back(int64_t(length));
    }
    std::vector<float> vectors(lengths.size() * fakeWidth);
    lmopt_error_t error{};
    ASSERT_EQ(lmopt_session_encode(session.get(), tokens.data(), lengths.data(), int64_t(lengths.size()),
                                   vectors.data(), &error),
              LMOPT_OK)
        << error.message;
    for (size_t i = 0; i < lengths.size(); ++i) {
      std::vector<float> own(vectors.begin() + i * fakeWidth, vectors.begin() + (i + 1) * fakeWidth);
      EXPECT_EQ(own, fakeVector(sequences[i])) << i;
    }
  }
}

TEST(Encoder, misuseIsRefused) {
  Model model = openModel(encoderPath);
  lmopt_cancel_t cancel{};
  Session session = makeSession(model, makeTeam(1), 0, &cancel);
  std::vector<int32_t> tokens = someTokens(66);
  std::vector<float> vectors(2 * fakeWidth, -1.0f);
  lmopt_error_t error{};
  int64_t tooLong[] = {1, 65}, empty[] = {1, 0}, good[] = {2, 64};
  EXPECT_EQ(lmopt_session_encode(session.get(), tokens.data(), tooLong, 2, vectors.data(), &error), LMOPT_ERROR_USAGE);
  EXPECT_NE(std::string(error.message).find("sequence 1 has 65 tokens"), std::string::npos) << error.message;
  EXPECT_EQ(lmopt_session_encode(session.get(), tokens.data(), empty, 2, vectors.data(), &error), LMOPT_ERROR_USAGE);
  EXPECT_EQ(lmopt_session_prefill(session.get(), tokens.data(), 1, vectors.data(), &error), LMOPT_ERROR_USAGE);
  int32_t last = tokens[65];
  tokens[65] = 97;
  EXPECT_EQ(lmopt_session_encode(session.get(), tokens.data(), good, 2, vectors.data(), &error), LMOPT_ERROR_USAGE);
  EXPECT_NE(std::string(error.message).find("sequence 1: token 63 is 97"), std::string::npos) << error.message;
  tokens[65] = last;
  lmopt_cancel_request(&cancel);
  EXPECT_EQ(lmopt_session_encode(session.get(), tokens.data(), good, 2, vectors.data(), &error), LMOPT_INTERRUPTED);
  EXPECT_EQ(vectors, std::vector<float>(2 * fakeWidth, -1.0f));
  lmopt_cancel_clear(&cancel);
  EXPECT_EQ(lmopt_session_encode(session.get(), tokens.data(), good, 0, vectors.data(), &error), LMOPT_OK);
  EXPECT_EQ(lmopt_session_encode(session.get(), tokens.data(), good, 2, vectors.data(), &error), LMOPT_OK);
  EXPECT_EQ(lmopt_session_capacity(session.get()), 0);
}

const std::string richPath = LMOPT_BINARY_DIR "/lib/fake_rich.so";
constexpr int64_t traceWidth = 3;

/// Sequences of many lengths with a mark for each token, and what fake_model.c makes of them.
struct Marked {
  Marked() {
    for (int64_t length : {1, 64, 36, 64, 37, 1, 1, 16, 17, 15, 63, 2}) {
      std::vector<int32_t> sequence = someTokens(size_t(length), uint32_t(lengths.size()));
      lengths.push_back(length);
      int64_t hash = 0;
      for (int64_t j = 0; j < length; ++j) {
        marks.push_back(int32_t((j + length) % 5));
        hash += (sequence[j] + 1) * (j + 1) * (7 * sequence[j] + 3) + 3 * marks.back();
        for (int64_t d = 0; d < traceWidth; ++d)
          traces.push_back(float((hash + d) % fakeModulus));
      }
      for (int64_t d = 0; d < fakeWidth; ++d)
        vectors.push_back(float((hash + d) % fakeModulus));
      tokens.insert(tokens.end(), sequence.begin(), sequence.end());
    }
  }
  std::vector<int32_t> tokens, marks;
  std::vector<int64_t> lengths;
  std::vector<float> vectors, traces;
};

TEST(RichEncoder, tellsWhatItTakesAndGives) {
  Model model = openModel(richPath);
  lmopt_model_info_t info{};
  info.struct_size = sizeof info;
  ASSERT_EQ(lmopt_model_get_info(model.get(), &info, nullptr), LMOPT_OK);
  EXPECT_EQ(info.input_count, 1u);
  EXPECT_EQ(info.result_count, 2u);
  EXPECT_EQ(info.output_width, fakeWidth);
  lmopt_input_info_t input{};
  input.struct_size = sizeof input;
  ASSERT_EQ(lmopt_model_get_input(model.get(), 0, &input, nullptr), LMOPT_OK);
  EXPECT_STREQ(input.name, "marks");
  EXPECT_EQ(input.limit, 5);
  lmopt_result_info_t result{};
  result.struct_size = sizeof result;
  ASSERT_EQ(lmopt_model_get_result(model.get(), 1, &result, nullptr), LMOPT_OK);
  EXPECT_STREQ(result.name, "traces");
  EXPECT_EQ(result.rows, uint32_t(LMOPT_ROWS_TOKENS));
  EXPECT_EQ(result.width, traceWidth);
  lmopt_error_t error{};
  EXPECT_EQ(lmopt_model_get_input(model.get(), 1, &input, &error), LMOPT_ERROR_USAGE);
  EXPECT_EQ(lmopt_model_get_result(model.get(), 2, &result, &error), LMOPT_ERROR_USAGE);
  EXPECT_STREQ(error.message, "lmopt_model_get_result: result 2, the model has 2");
}

TEST(RichEncoder, anyOfItsResults) {
  Model model = openModel(richPath);
  const Marked all;
  int64_t count = int64_t(all.lengths.size());
  for (int32_t threads : {1, 3}) {
    Session session = makeSession(model, makeTeam(threads));
    for (int wanted = 0; wanted < 4; ++wanted) {
      std::vector<float> vectors(all.vectors.size()), traces(all.traces.size());
      const int32_t *inputs[] = {all.marks.data()};
      float *results[] = {wanted & 1 ? vectors.data() : nullptr, wanted & 2 ? traces.data() : nullptr};
      lmopt_error_t error{};
      ASSERT_EQ(lmopt_session_encode_all(session.get(), all.tokens.data(), all.lengths.data(), count, inputs, results,
                                         &error),
                LMOPT_OK)
          << error.message;
      EXPECT_EQ(vectors, wanted & 1 ? all.vectors : std::vector<float>(vectors.size()));
      EXPECT_EQ(traces, wanted & 2 ? all.traces : std::vector<float>(traces.size()));
    }
  }
}

TEST(RichEncoder, inputsThatAreNotGivenAreZero) {
  Model model = openModel(richPath);
  Session session = makeSession(model, makeTeam(2));
  const Marked all;
  int64_t count = int64_t(all.lengths.size());
  std::vector<int32_t> zeros(all.tokens.size());
  std::vector<float> given(all.vectors.size()), none(given.size()), nothing(given.size());
  const int32_t *inputs[] = {zeros.data()}, *missing[] = {nullptr};
  float *results[] = {given.data(), nullptr};
  auto encode = [&](const int32_t *const *from) {
    return lmopt_session_encode_all(session.get(), all.tokens.data(), all.lengths.data(), count, from, results,
                                    nullptr);
  };
  ASSERT_EQ(encode(inputs), LMOPT_OK);
  results[0] = none.data();
  ASSERT_EQ(encode(missing), LMOPT_OK);
  EXPECT_EQ(none, given);
  ASSERT_EQ(lmopt_session_encode(session.get(), all.tokens.data(), all.lengths.data(), count, nothing.data(), nullptr),
            LMOPT_OK);
  EXPECT_EQ(nothing, given);
  EXPECT_NE(given, all.vectors);
}

TEST(RichEncoder, inputsAreChecked) {
  Model model = openModel(richPath);
  Session session = makeSession(model, makeTeam(1));
  std::vector<int32_t> tokens = someTokens(5);
  int64_t lengths[] = {2, 3};
  float *results[] = {nullptr, nullptr};
  lmopt_error_t error{};
  for (int32_t wrong : {-1, 5}) {
    int32_t marks[] = {0, 4, 0, wrong, 0};
    const int32_t *inputs[] = {marks};
    EXPECT_EQ(lmopt_session_encode_all(session.get(), tokens.data(), lengths, 2, inputs, results, &error),
              LMOPT_ERROR_USAGE);
    EXPECT_EQ(error.message, "sequence 1: marks of token 1 is " + std::to_string(wrong) + ", expected 0 to 4");
  }
  Model decoder = openModel(decoderPath);
  Session other = makeSession(decoder, makeTeam(1));
  EXPECT_EQ(lmopt_session_encode_all(other.get(), tokens.data(), lengths, 2, nullptr, results, &error),
            LMOPT_ERROR_USAGE);
}

} // namespace
