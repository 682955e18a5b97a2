// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tests of the runtime share: handles that destroy themselves, the fake models (fake_model.c) and their
// arithmetic, and copies of an artifact with some bytes changed.
#ifndef LMOPT_TEST_UNIT_RUNTIME_FIXTURE_H
#define LMOPT_TEST_UNIT_RUNTIME_FIXTURE_H

#include "lmopt/abi.h"
#include "lmopt/lmopt.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace lmopt::test {

template <auto destroy>
struct Destroyer {
  template <class T>
  void operator()(T *object) const {
    destroy(object);
  }
};
using Artifact = std::unique_ptr<lmopt_artifact_t, Destroyer<lmopt_artifact_destroy>>;
using Model = std::unique_ptr<lmopt_model_t, Destroyer<lmopt_model_destroy>>;
using Team = std::unique_ptr<lmopt_team_t, Destroyer<lmopt_team_destroy>>;
using Session = std::unique_ptr<lmopt_session_t, Destroyer<lmopt_session_destroy>>;
using Sampler = std::unique_ptr<lmopt_sampler_t, Destroyer<lmopt_sampler_destroy>>;

inline const std::string decoderPath = LMOPT_BINARY_DIR "/lib/fake_decoder.so";
inline const std::string encoderPath = LMOPT_BINARY_DIR "/lib/fake_encoder.so";
inline const std::string splitPath = LMOPT_BINARY_DIR "/lib/fake_split.so";
inline const std::string splitWeightsPath = LMOPT_BINARY_DIR "/lib/fake.weights";

constexpr int64_t fakeVocabulary = 97, fakeModulus = 1009, fakePrefillRows = 32, fakeDecodeRows = 4, fakeWidth = 8;

/// The hash of a sequence of tokens, as fake_model.c computes it.
inline int64_t fakeHash(const std::vector<int32_t> &tokens, size_t count) {
  int64_t hash = 0;
  for (size_t j = 0; j < count; ++j)
    hash += (tokens[j] + 1) * int64_t(j + 1) * (7 * tokens[j] + 3);
  return hash;
}

/// The logits after the first `count` tokens.
inline std::vector<float> fakeLogits(const std::vector<int32_t> &tokens, size_t count) {
  std::vector<float> logits(fakeVocabulary);
  for (int64_t v = 0; v < fakeVocabulary; ++v)
    logits[v] = float((fakeHash(tokens, count) + 31 * v + int64_t(count) - 1) % fakeModulus);
  return logits;
}

inline std::vector<float> fakeVector(const std::vector<int32_t> &tokens) {
  std::vector<float> vector(fakeWidth);
  for (int64_t d = 0; d < fakeWidth; ++d)
    vector[d] = float((fakeHash(tokens, tokens.size()) + d) % fakeModulus);
  return vector;
}

inline std::vector<int32_t> someTokens(size_t count, uint32_t seed = 1) {
  std::vector<int32_t> tokens(count);
  for (int32_t &token : tokens)
    token = int32_t((seed = seed * 1664525u + 1013904223u) >> 8) % fakeVocabulary;
  return tokens;
}

inline Model openModel(const std::string &path, uint32_t load = LMOPT_LOAD_MAP) {
  lmopt_model_options_t options{};
  options.struct_size = sizeof options;
  options.load = load;
  lmopt_model_t *model = nullptr;
  lmopt_error_t error{};
  EXPECT_EQ(lmopt_model_open(path.c_str(), &options, &model, &error), LMOPT_OK) << error.message;
  return Model(model);
}

inline Team makeTeam(int32_t threads, int32_t spinMicroseconds = 0) {
  lmopt_team_options_t options{};
  options.struct_size = sizeof options;
  options.threads = threads;
  options.spin_us = spinMicroseconds;
  lmopt_team_t *team = nullptr;
  lmopt_error_t error{};
  EXPECT_EQ(lmopt_team_create(&options, &team, &error), LMOPT_OK) << error.message;
  return Team(team);
}

inline Session makeSession(const Model &model, const Team &team, int64_t context = 0,
                           lmopt_cancel_t *cancel = nullptr) {
  lmopt_session_options_t options{};
  options.struct_size = sizeof options;
  options.team = team.get();
  options.context = context;
  options.cancel = cancel;
  lmopt_session_t *session = nullptr;
  lmopt_error_t error{};
  EXPECT_EQ(lmopt_session_create(model.get(), &options, &session, &error), LMOPT_OK) << error.message;
  return Session(session);
}

inline std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A directory that goes with the test.
struct TemporaryDirectory {
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lmopt-test-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }
  std::string write(const std::string &name, const std::string &bytes) const {
    std::string file = path + "/" + name;
    std::ofstream(file, std::ios::binary) << bytes;
    return file;
  }
  std::string path;
};

} // namespace lmopt::test

#endif
