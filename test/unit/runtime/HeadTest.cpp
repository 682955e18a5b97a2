// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The head of a model: its labels and scores, and the blobs that are refused. The fake encoder has no head of its own:
// its chat template gives its place to one.
#include "Fixture.h"

#include "test/Reseal.h"

#include <cmath>
#include <cstring>

using namespace lmopt::test;

namespace {

/// The fake encoder (a vector of 8 for each sequence) with these bytes as its head, in place of its chat template.
std::string withHead(const std::string &head) {
  std::string bytes = readFile(encoderPath);
  lmopt_meta_header_t header{};
  uint64_t magic = LMOPT_META_MAGIC;
  size_t start = bytes.find(std::string(reinterpret_cast<const char *>(&magic), sizeof magic));
  EXPECT_NE(start, std::string::npos);
  std::memcpy(&header, &bytes[start], sizeof header);
  for (uint64_t i = 0; i < header.count; ++i) {
    size_t at = start + sizeof header + i * sizeof(lmopt_meta_entry_t);
    lmopt_meta_entry_t entry;
    std::memcpy(&entry, &bytes[at], sizeof entry);
    if (std::strcmp(entry.name, "chat_template") != 0)
      continue;
    EXPECT_LE(head.size(), entry.size) << "the template lends its bytes";
    std::memset(entry.name, 0, sizeof entry.name);
    std::strcpy(entry.name, "head");
    entry.size = head.size();
    std::memcpy(&bytes[at], &entry, sizeof entry);
    std::memcpy(&bytes[start + entry.offset], head.data(), head.size());
  }
  return resealed(bytes);
}

std::string headOf(uint32_t task, uint32_t scores, const std::string &names, uint32_t count) {
  lmopt_head_t head = {task, scores, count, 0};
  return std::string(reinterpret_cast<const char *>(&head), sizeof head) + names;
}

const std::string eight("a\0bb\0c\0\0e\0f\0g\0h\0", 16); // the fourth is empty

lmopt_status_t tryOpen(const std::string &bytes, Model &model, std::string &message) {
  TemporaryDirectory directory;
  std::string path = directory.write("head.so", bytes);
  lmopt_model_t *raw = nullptr;
  lmopt_error_t error{};
  lmopt_status_t status = lmopt_model_open(path.c_str(), nullptr, &raw, &error);
  message = error.message;
  model.reset(raw);
  return status;
}

TEST(Head, labelsAndScores) {
  Model model;
  std::string message;
  ASSERT_EQ(tryOpen(withHead(headOf(LMOPT_HEAD_SEQUENCE_CLASSIFICATION, LMOPT_HEAD_SOFTMAX, eight, 8)), model, message),
            LMOPT_OK)
      << message;
  lmopt_head_info_t info{};
  info.struct_size = sizeof info;
  ASSERT_EQ(lmopt_model_get_head(model.get(), &info, nullptr), LMOPT_OK);
  EXPECT_EQ(info.task, uint32_t(LMOPT_TASK_SEQUENCE_CLASSIFICATION));
  EXPECT_EQ(info.scores, uint32_t(LMOPT_SCORES_SOFTMAX));
  EXPECT_EQ(info.label_count, 8u);
  EXPECT_STREQ(lmopt_model_label(model.get(), 1), "bb");
  EXPECT_STREQ(lmopt_model_label(model.get(), 3), "");
  EXPECT_STREQ(lmopt_model_label(model.get(), 7), "h");
  EXPECT_EQ(lmopt_model_label(model.get(), 8), nullptr);
  float values[8] = {1000, 1000, 0, 0, 0, 0, 0, 0};
  lmopt_model_scores(model.get(), values, values);
  EXPECT_EQ(values[0], 0.5f) << "no number is too large";
  EXPECT_EQ(values[7], 0.0f);
}

TEST(Head, sigmoidAndNone) {
  Model model;
  std::string message;
  ASSERT_EQ(tryOpen(withHead(headOf(LMOPT_HEAD_SEQUENCE_CLASSIFICATION, LMOPT_HEAD_SIGMOID, eight, 8)), model, message),
            LMOPT_OK)
      << message;
  float values[8] = {0, 1, -1000, 1000, 0, 0, 0, 0}, scores[8];
  lmopt_model_scores(model.get(), values, scores);
  EXPECT_EQ(scores[0], 0.5f);
  EXPECT_NEAR(scores[1], 1 / (1 + std::exp(-1.0)), 1e-7);
  EXPECT_EQ(scores[2], 0.0f);
  EXPECT_EQ(scores[3], 1.0f);
  Model plain = openModel(encoderPath);
  lmopt_head_info_t info{};
  info.struct_size = sizeof info;
  ASSERT_EQ(lmopt_model_get_head(plain.get(), &info, nullptr), LMOPT_OK);
  EXPECT_EQ(info.task, uint32_t(LMOPT_TASK_NONE));
  EXPECT_EQ(lmopt_model_label(plain.get(), 0), nullptr);
  lmopt_model_scores(plain.get(), values, scores);
  EXPECT_EQ(scores[3], 1000.0f);
}

TEST(Head, badBlobsAreRefused) {
  const uint32_t task = LMOPT_HEAD_SEQUENCE_CLASSIFICATION;
  const std::pair<std::string, const char *> bad[] = {
      {"short", "5 bytes, expected 16"},
      {headOf(0, 0, "", 0), "task 0"},
      {headOf(5, 0, "", 0), "task 5"},
      {headOf(task, 3, eight, 8), "with scores 3"},
      {headOf(task, 0, eight, 1u << 31), "2147483648 labels in 16 bytes"},
      {headOf(task, 0, eight.substr(0, 15), 8), "label 7 has no end"},
      {headOf(task, 0, eight + std::string("x\0", 2), 8), "2 bytes behind the last label"},
      {headOf(task, 0, std::string("a\0b\0", 4), 2), "does not fit the result \"embedding\" of width 8"},
      {headOf(LMOPT_HEAD_TOKEN_CLASSIFICATION, 0, eight, 8), "does not fit"},
      {headOf(LMOPT_HEAD_MASKED_LM, 0, "", 0), "does not fit"},
      {headOf(LMOPT_HEAD_QUESTION_ANSWERING, 0, "", 0), "does not fit"},
  };
  for (const auto &[head, part] : bad) {
    Model model;
    std::string message;
    EXPECT_EQ(tryOpen(withHead(head), model, message), LMOPT_ERROR_MALFORMED) << part;
    EXPECT_NE(message.find(part), std::string::npos) << message;
  }
}

} // namespace
