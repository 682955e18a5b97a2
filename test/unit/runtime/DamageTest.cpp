// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Artifacts that met an accident: thousands of copies, each with another one, through everything that opens a file. All
// are refused before any of their code is loaded, and the message names the part; only damage of the weights waits for
// somebody to ask. And one artifact that is meant to harm: what needs no code loads none.
#include "Fixture.h"
#include "test/Reseal.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>

using namespace lmopt::test;

namespace {

const std::string wholePath = LMOPT_BINARY_DIR "/lib/fake_generate.so";  // with a tokenizer
const std::string hostilePath = LMOPT_BINARY_DIR "/lib/fake_hostile.so"; // the same, with a constructor

struct Random {
  uint64_t state = 20240607;
  uint64_t below(uint64_t bound) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % bound;
  }
};

/// The parts of an artifact by its own list.
std::vector<lmopt_checksum_t> partsOf(const std::string &bytes) {
  size_t at = findChecksums(bytes);
  auto header = load<lmopt_checksums_header_t>(bytes, at);
  std::vector<lmopt_checksum_t> parts;
  for (size_t i = 0; i < header.count; ++i)
    parts.push_back(load<lmopt_checksum_t>(bytes, at + sizeof header + i * sizeof(lmopt_checksum_t)));
  return parts;
}

lmopt_status_t openModel(const std::string &path, uint32_t verify, lmopt_error_t &error) {
  lmopt_model_options_t options{};
  options.struct_size = sizeof options;
  options.verify = verify;
  lmopt_model_t *model = nullptr;
  lmopt_status_t status = lmopt_model_open(path.c_str(), &options, &model, &error);
  lmopt_model_destroy(model);
  return status;
}

struct Outcome {
  lmopt_status_t open, verify, model, verifiedModel;
  lmopt_error_t error; // of the first that failed
};

/// Through metadata, verification and the model. Nothing of an artifact that opens may be out of reach.
Outcome tryAll(const TemporaryDirectory &directory, const std::string &bytes) {
  std::string path = directory.write("damaged.so", bytes);
  Outcome outcome{};
  lmopt_artifact_t *raw = nullptr;
  outcome.open = lmopt_artifact_open(path.c_str(), &raw, &outcome.error);
  outcome.verify = outcome.open;
  if (!outcome.open) {
    Artifact artifact(raw);
    lmopt_tokenizer_t *tokenizer = nullptr;
    EXPECT_EQ(lmopt_artifact_tokenizer(raw, &tokenizer, nullptr), LMOPT_OK);
    int32_t ids[8];
    size_t count = 0;
    EXPECT_EQ(lmopt_tokenizer_encode(tokenizer, "abc de", 6, 0, ids, 8, &count, nullptr), LMOPT_OK);
    EXPECT_EQ(count, 5u);
    lmopt_tokenizer_destroy(tokenizer);
    outcome.verify = lmopt_artifact_verify(raw, &outcome.error);
  }
  lmopt_error_t ignored{};
  outcome.model = openModel(path, 0, ignored);
  outcome.verifiedModel = openModel(path, 1, ignored);
  std::filesystem::remove(path); // a new file each time: the loader knows files by their inode
  return outcome;
}

struct Damage : testing::Test {
  void expectFound(const std::string &bytes, const std::string &what) {
    ASSERT_NE(bytes, whole) << what;
    Outcome outcome = tryAll(directory, bytes);
    bool onlyWeights = bytes.size() == whole.size();
    for (size_t i = 0; onlyWeights && i < whole.size(); ++i)
      onlyWeights = bytes[i] == whole[i] || (i >= weights.offset && i < weights.offset + weights.size);
    lmopt_status_t expected = onlyWeights ? LMOPT_OK : LMOPT_ERROR_MALFORMED;
    EXPECT_EQ(outcome.open, expected) << what << ": " << outcome.error.message;
    EXPECT_EQ(outcome.model, expected) << what;
    EXPECT_EQ(outcome.verify, LMOPT_ERROR_MALFORMED) << what;
    EXPECT_EQ(outcome.verifiedModel, LMOPT_ERROR_MALFORMED) << what;
    EXPECT_NE(std::string(outcome.error.message).find("damaged.so"), std::string::npos) << outcome.error.message;
    if (onlyWeights) {
      EXPECT_NE(std::string(outcome.error.message).find(".lmopt.weights, the weights,"), std::string::npos)
          << outcome.error.message;
    }
    ++(onlyWeights ? inWeights : elsewhere);
  }

  const std::string whole = readFile(wholePath);
  const std::vector<lmopt_checksum_t> parts = partsOf(whole);
  const lmopt_checksum_t weights =
      *std::find_if(parts.begin(), parts.end(), [](auto &part) { return !strcmp(part.name, ".lmopt.weights"); });
  TemporaryDirectory directory;
  Random random;
  size_t inWeights = 0, elsewhere = 0;
};

TEST_F(Damage, theWholeFileIsCovered) {
  size_t end = 0;
  for (const lmopt_checksum_t &part : parts) {
    EXPECT_EQ(part.offset, end);
    end = part.offset + part.size;
  }
  EXPECT_EQ(end, findChecksums(whole));
  EXPECT_EQ(end + sizeof(lmopt_checksums_header_t) + parts.size() * sizeof(lmopt_checksum_t), whole.size());
  Outcome outcome = tryAll(directory, whole);
  EXPECT_EQ(outcome.verifiedModel, LMOPT_OK) << outcome.error.message;
}

TEST_F(Damage, afewBytes) {
  for (int copy = 0; copy < 2400; ++copy) {
    std::string bytes = whole, what = "copy " + std::to_string(copy) + " at";
    for (uint64_t i = 0, count = 1 + random.below(4); i < count; ++i) {
      size_t at = random.below(bytes.size());
      bytes[at] = char(bytes[at] ^ (1 + random.below(255)));
      what += " " + std::to_string(at);
    }
    expectFound(bytes, what);
  }
  EXPECT_GT(inWeights, 50u);
  EXPECT_GT(elsewhere, 1000u);
}

/// Where the loader reads: every byte of every small part, a bit each.
TEST_F(Damage, headersAndTablesOfTheLoader) {
  size_t bytesTried = 0;
  for (const lmopt_checksum_t &part : parts)
    for (size_t at = part.offset; part.size <= 2048 && at < part.offset + part.size; ++at, ++bytesTried) {
      std::string bytes = whole;
      bytes[at] = char(bytes[at] ^ 1 << at % 8);
      std::vector<char> copy(bytes.begin(), bytes.end());
      lmopt_artifact_t *raw = nullptr;
      ASSERT_EQ(lmopt_artifact_open_memory(copy.data(), copy.size(), &raw, nullptr), LMOPT_ERROR_MALFORMED)
          << part.name << " " << at;
    }
  EXPECT_GT(bytesTried, 2000u);
}

TEST_F(Damage, pages) {
  for (size_t page = 0; page < whole.size(); page += 4096) {
    std::string bytes = whole;
    std::fill(bytes.begin() + page, bytes.begin() + std::min(page + 4096, bytes.size()), '\0');
    if (bytes != whole)
      expectFound(bytes, "zeros at " + std::to_string(page));
    bytes = whole;
    size_t other = random.below(whole.size() / 4096) * 4096;
    if (page + 4096 <= bytes.size() && page != other)
      std::swap_ranges(bytes.begin() + page, bytes.begin() + page + 4096, bytes.begin() + other);
    if (bytes != whole)
      expectFound(bytes, "pages " + std::to_string(page) + " and " + std::to_string(other));
  }
}

TEST_F(Damage, truncatedOrGrown) {
  std::vector<size_t> sizes = {whole.size() - 1};
  for (const lmopt_checksum_t &part : parts)
    for (size_t size : {part.offset - 1, part.offset, part.offset + 1})
      if (size < whole.size())
        sizes.push_back(size);
  for (size_t size = 0; size < whole.size(); size += 4096)
    sizes.push_back(size);
  for (size_t size : sizes)
    expectFound(whole.substr(0, size), "cut to " + std::to_string(size));
  for (size_t more : {1, 16, 4096})
    expectFound(whole + std::string(more, '\0'), "longer by " + std::to_string(more));
  // What a copy leaves that was broken off after the file got its size.
  for (size_t size = 4096; size < whole.size(); size += 4096)
    expectFound(whole.substr(0, size) + std::string(whole.size() - size, '\0'), "zeros from " + std::to_string(size));
}

TEST_F(Damage, messagesNameThePart) {
  const std::pair<const char *, const char *> cases[] = {
      {"ELF header and program headers", "is damaged: ELF header and program headers (bytes 0 to "},
      {".text", "is damaged: section .text, the code, (bytes "},
      {".note.lmopt", "section .note.lmopt, the note that names ABI and CPU,"},
      {".lmopt.meta", "section .lmopt.meta, the metadata,"},
      {".dynamic", "section .dynamic (bytes "},
      {".dynsym", "section .dynsym (bytes "},
      {".rela.dyn", "section .rela.dyn (bytes "},
      {"section headers", "is damaged: section headers (bytes "}};
  for (auto [name, message] : cases) {
    auto part = std::find_if(parts.begin(), parts.end(),
                             [&, &name = name](auto &part) { return part.name == std::string(name); });
    ASSERT_NE(part, parts.end()) << name;
    std::string bytes = whole;
    // Bytes whose meaning nobody looks at before: of the ELF identification, of the features in the note.
    bytes[part->offset + (part->offset ? 36 : 7)] ^= 0x40;
    std::string said = tryAll(directory, bytes).error.message;
    EXPECT_NE(said.find(message), std::string::npos) << said << "\nlacks: " << message;
    EXPECT_NE(said.find("copy the file again, or compile the model again"), std::string::npos) << said;
  }
  std::string bytes = whole;
  bytes[bytes.size() - 3] ^= 1;
  EXPECT_NE(
      std::string(tryAll(directory, bytes).error.message).find(".lmopt.checksums does not match its own checksum"),
      std::string::npos);
}

/// A list of checksums that leaves something out, on purpose, is no list.
TEST_F(Damage, listsWithHoles) {
  size_t at = findChecksums(whole) + sizeof(lmopt_checksums_header_t);
  const std::function<void(lmopt_checksum_t &)> changes[] = {
      [](lmopt_checksum_t &part) { part.size -= 1; }, [](lmopt_checksum_t &part) { part.offset += 1; },
      [](lmopt_checksum_t &part) { part.size = ~0ull; },
      [](lmopt_checksum_t &part) { std::memset(part.name, 'x', sizeof part.name); }};
  for (const auto &change : changes)
    for (size_t index = 0; index < parts.size(); ++index) {
      std::string bytes = whole;
      lmopt_checksum_t part = parts[index];
      change(part);
      store(bytes, at + index * sizeof part, part);
      Outcome outcome = tryAll(directory, resealed(bytes));
      EXPECT_EQ(outcome.open, LMOPT_ERROR_MALFORMED);
      EXPECT_NE(std::string(outcome.error.message).find("leaves bytes of the file out"), std::string::npos)
          << outcome.error.message;
    }
}

//===--- Code that must not run ---===//

struct Hostile : testing::Test {
  Hostile() {
    path = directory.write("hostile.so", readFile(hostilePath));
    mark = directory.path + "/mark";
    setenv("LMOPT_TEST_MARK", mark.c_str(), 1);
  }
  ~Hostile() override { unsetenv("LMOPT_TEST_MARK"); }
  bool ran() const { return std::filesystem::exists(mark); }

  TemporaryDirectory directory;
  std::string path, mark;
};

TEST_F(Hostile, metadataIsReadWithoutRunningAnything) {
  lmopt_artifact_t *raw = nullptr;
  lmopt_error_t error{};
  ASSERT_EQ(lmopt_artifact_open(path.c_str(), &raw, &error), LMOPT_OK) << error.message;
  Artifact artifact(raw);
  EXPECT_EQ(lmopt_artifact_verify(raw, &error), LMOPT_OK) << error.message;
  size_t size = 0;
  EXPECT_NE(lmopt_artifact_meta(raw, "chat_template", &size), nullptr);
  lmopt_tokenizer_t *tokenizer = nullptr;
  ASSERT_EQ(lmopt_artifact_tokenizer(raw, &tokenizer, &error), LMOPT_OK) << error.message;
  EXPECT_EQ(lmopt_tokenizer_token_count(tokenizer), 97);
  lmopt_chat_message_t message{"user", "hi", 2};
  lmopt_chat_options_t options{};
  options.struct_size = sizeof options;
  options.eos_token = "!";
  char *text = nullptr;
  ASSERT_EQ(lmopt_artifact_chat(raw, tokenizer, &message, 1, &options, &text, nullptr, &error), LMOPT_OK)
      << error.message;
  EXPECT_STREQ(text, "<user>hi!");
  lmopt_free(text);
  lmopt_tokenizer_destroy(tokenizer);
  EXPECT_FALSE(ran());
}

TEST_F(Hostile, damageIsFoundBeforeAnythingRuns) {
  std::string bytes = readFile(path);
  lmopt_error_t error{};
  for (const lmopt_checksum_t &part : partsOf(bytes)) {
    std::string damaged = bytes;
    damaged[part.offset + part.size / 2] ^= 1;
    std::string file = directory.write("damaged.so", damaged);
    EXPECT_EQ(openModel(file, 1, error), LMOPT_ERROR_MALFORMED) << part.name;
    EXPECT_FALSE(ran()) << part.name;
    std::filesystem::remove(file);
  }
}

/// With the right checksums it is code like any other: this is what trust is for, and shows that the mark works.
TEST_F(Hostile, opensAsAModel) {
  lmopt_error_t error{};
  EXPECT_EQ(openModel(path, 1, error), LMOPT_OK) << error.message;
  EXPECT_TRUE(ran());
}

} // namespace
