// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Encoders on a GPU: packs of sequences, inputs beside the ids, any of the results, against the same model on threads.
#include "DeviceSessionFixture.h"

using namespace lmopt::test;

namespace {

const int64_t lengths[] = {1, 40, 64, 3, 33, 60, 1, 7};
constexpr int64_t count = std::size(lengths), total = 209;

struct Encoded {
  std::vector<float> vectors = std::vector<float>(count * fakeWidth, -1);
  std::vector<float> traces = std::vector<float>(total * 3, -1);
};

Answer encode(const Session &session, const int32_t *marks, bool wantsVectors, bool wantsTraces, Encoded &out) {
  std::vector<int32_t> tokens = someTokens(total);
  const int32_t *inputs[] = {marks};
  float *results[] = {wantsVectors ? out.vectors.data() : nullptr, wantsTraces ? out.traces.data() : nullptr};
  return tell([&](lmopt_error_t *error) {
    return lmopt_session_encode_all(session.get(), tokens.data(), lengths, count, inputs, results, error);
  });
}

TEST_F(DeviceSessionTest, encodersAsOnThreads) {
  Model model = openModel(deviceEncoderPath), other = openModel(LMOPT_BINARY_DIR "/lib/fake_rich.so");
  Session onGpu = makeSession(model, gpu()), onThreads = makeSession(other, makeTeam(2));
  std::vector<int32_t> marks(total);
  for (size_t i = 0; i < marks.size(); ++i)
    marks[i] = int32_t(i * i % 5);
  for (const int32_t *given : {(const int32_t *)nullptr, (const int32_t *)marks.data()}) {
    Encoded expected, found;
    EXPECT_OK(encode(onThreads, given, true, true, expected));
    EXPECT_OK(encode(onGpu, given, true, true, found));
    EXPECT_EQ(found.vectors, expected.vectors);
    EXPECT_EQ(found.traces, expected.traces);
    Encoded some;
    EXPECT_OK(encode(onGpu, given, false, true, some));
    EXPECT_EQ(some.traces, expected.traces);
    EXPECT_EQ(some.vectors, Encoded().vectors) << "nobody wanted them";
    EXPECT_OK(encode(onGpu, given, true, false, some));
    EXPECT_EQ(some.vectors, expected.vectors);
  }
}

TEST_F(DeviceSessionTest, oneVectorForEachSequence) {
  Model model = openModel(deviceEncoderPath);
  Session session = makeSession(model, gpu());
  std::vector<int32_t> tokens = someTokens(30);
  std::vector<float> vectors(2 * fakeWidth);
  const int64_t two[] = {10, 20};
  EXPECT_OK(tell([&](lmopt_error_t *error) {
    return lmopt_session_encode(session.get(), tokens.data(), two, 2, vectors.data(), error);
  }));
  std::vector<float> expected = fakeVector(part(tokens, 0, 10)), second = fakeVector(part(tokens, 10, 30));
  expected.insert(expected.end(), second.begin(), second.end());
  EXPECT_EQ(vectors, expected);
}

// Results that come back in more than one piece.
TEST_F(DeviceSessionTest, wideResults) {
  constexpr int64_t width = 10600, rows = 100; // 4.2 MB
  Model model = openModel(LMOPT_BINARY_DIR "/lib/fake_device_wide.so");
  Session session = makeSession(model, gpu());
  std::vector<int32_t> tokens = someTokens(rows);
  std::vector<float> traces(rows * width);
  float *results[] = {nullptr, traces.data()};
  const int64_t two[] = {40, 60};
  EXPECT_OK(tell([&](lmopt_error_t *error) {
    return lmopt_session_encode_all(session.get(), tokens.data(), two, 2, nullptr, results, error);
  }));
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<int32_t> sequence = part(tokens, row < 40 ? 0 : 40, size_t(rows));
    int64_t hash = fakeHash(sequence, size_t(row < 40 ? row : row - 40) + 1);
    for (int64_t d = 0; d < width; ++d)
      ASSERT_EQ(traces[size_t(row * width + d)], float((hash + d) % fakeModulus)) << row << ", " << d;
  }
}

// The cache is part of decoders only: no addresses are reserved.
TEST_F(DeviceSessionTest, encodersHaveNoCache) {
  Model model = openModel(deviceEncoderPath);
  Session session = makeSession(model, gpu());
  EXPECT_EQ(inspect().reservations, 0u);
  EXPECT_HAS(tell([&](lmopt_error_t *error) { return lmopt_session_expect(session.get(), 1, error); }),
             "the model is an encoder");
}

} // namespace
