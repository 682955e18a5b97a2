// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading artifacts without running them, and refusing what is damaged, foreign or of another machine: each with its
// status and a message that names the part at fault.
#include "Fixture.h"
#include "test/Reseal.h"

#include <cstring>
#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace lmopt::test;

namespace {

/// An artifact's bytes with places to change.
struct Bytes {
  explicit Bytes(const std::string &path) : data(readFile(path)) {}
  template <class T>
  T &at(size_t offset) {
    return *reinterpret_cast<T *>(data.data() + offset);
  }
  Elf64_Ehdr &header() { return at<Elf64_Ehdr>(0); }
  Elf64_Shdr &section(size_t index) { return at<Elf64_Shdr>(header().e_shoff + index * sizeof(Elf64_Shdr)); }
  Elf64_Shdr &section(const std::string &name) {
    for (size_t i = 0; i < header().e_shnum; ++i)
      if (data.data() + section(header().e_shstrndx).sh_offset + section(i).sh_name == name)
        return section(i);
    ADD_FAILURE() << name;
    return section(0);
  }
  /// Notes are aligned to 4 bytes only, so the contents are copied out and back.
  template <class Change>
  void changeNote(Change change) {
    char *place = data.data() + section(".note.lmopt").sh_offset + 12 + 8;
    lmopt_note_t note;
    std::memcpy(&note, place, sizeof note);
    change(note);
    std::memcpy(place, &note, sizeof note);
  }
  lmopt_meta_header_t &meta() { return at<lmopt_meta_header_t>(section(".lmopt.meta").sh_offset); }
  lmopt_meta_entry_t &entry(size_t index) {
    return at<lmopt_meta_entry_t>(section(".lmopt.meta").sh_offset + sizeof(lmopt_meta_header_t) +
                                  index * sizeof(lmopt_meta_entry_t));
  }
  std::string data;
};

lmopt_status_t readStatus(const std::string &bytes, std::string &message) {
  // An own allocation of the exact size: the sanitizers see a read beyond it.
  std::vector<char> copy(bytes.begin(), bytes.end());
  lmopt_artifact_t *artifact = nullptr;
  lmopt_error_t error{};
  lmopt_status_t status = lmopt_artifact_open_memory(copy.data(), copy.size(), &artifact, &error);
  message = error.message;
  lmopt_artifact_destroy(artifact);
  return status;
}

void expectMalformed(const std::string &bytes, const std::string &part) {
  std::string message;
  EXPECT_EQ(readStatus(bytes, message), LMOPT_ERROR_MALFORMED) << part;
  EXPECT_NE(message.find(part), std::string::npos) << message << "\nlacks: " << part;
}

lmopt_status_t openStatus(const std::string &path, std::string &message) {
  lmopt_model_t *model = nullptr;
  lmopt_error_t error{};
  lmopt_status_t status = lmopt_model_open(path.c_str(), nullptr, &model, &error);
  message = error.message;
  lmopt_model_destroy(model);
  return status;
}

void expectRefused(const std::string &path, lmopt_status_t expected, const std::string &part) {
  std::string message;
  EXPECT_EQ(openStatus(path, message), expected) << message;
  EXPECT_NE(message.find(part), std::string::npos) << message << "\nlacks: " << part;
}

TEST(Artifact, tellsWhatItIs) {
  lmopt_artifact_t *raw = nullptr;
  lmopt_error_t error{};
  ASSERT_EQ(lmopt_artifact_open(decoderPath.c_str(), &raw, &error), LMOPT_OK) << error.message;
  Artifact artifact(raw);
  lmopt_artifact_info_t info{};
  info.struct_size = sizeof info;
  ASSERT_EQ(lmopt_artifact_get_info(raw, &info, &error), LMOPT_OK);
  EXPECT_EQ(info.abi_min, LMOPT_ABI_VERSION);
  EXPECT_EQ(info.abi_max, LMOPT_ABI_VERSION);
  EXPECT_EQ(info.checked, 1u);
  EXPECT_EQ(info.isa, uint64_t(LMOPT_ISA_SSE42));
  EXPECT_EQ(info.weight_bytes, 8192u);
  EXPECT_EQ(info.file_bytes, std::filesystem::file_size(decoderPath));
  EXPECT_EQ(info.weights_file, nullptr);
  size_t size = 0;
  const char *manifest = static_cast<const char *>(lmopt_artifact_meta(raw, "manifest", &size));
  EXPECT_EQ(std::string(manifest, size), "{\"name\": \"fake\"}");
  EXPECT_EQ(lmopt_artifact_meta(raw, "nothing", &size), nullptr);
  EXPECT_EQ(size, 0u);
  std::vector<std::string> names;
  for (uint32_t i = 0; i < info.meta_count; ++i)
    names.push_back(lmopt_artifact_meta_name(raw, i));
  EXPECT_NE(std::find(names.begin(), names.end(), "chat_template"), names.end());
  EXPECT_EQ(lmopt_artifact_meta_name(raw, info.meta_count), nullptr);
}

/// The decoder with a note for each of these sets of features: its notes move to the end of the metadata, where they
/// are covered by its checksum.
std::string withVersions(const std::vector<uint64_t> &isas) {
  Bytes bytes(decoderPath);
  Elf64_Shdr &note = bytes.section(".note.lmopt");
  std::string one = bytes.data.substr(note.sh_offset, 12 + 8 + sizeof(lmopt_note_t)), all;
  for (uint64_t isa : isas) {
    std::memcpy(one.data() + 12 + 8 + offsetof(lmopt_note_t, isa), &isa, sizeof isa);
    all += one;
  }
  // The weights are not read here: a page of them makes room.
  note.sh_offset = bytes.section(".lmopt.weights").sh_offset;
  note.sh_size = all.size();
  bytes.data.replace(note.sh_offset, all.size(), all);
  return resealed(bytes.data);
}

TEST(Artifact, choosesTheLastVersionThatThisCpuRuns) {
  const uint64_t never = 1ull << 63, here = lmopt_cpu_isa();
  const struct {
    std::vector<uint64_t> isas;
    uint32_t version;
  } cases[] = {{{0}, 0},        {{0, here}, 1},          {{0, here, never}, 1},
               {{0, never}, 0}, {{never, never | 1}, 0}, {{never, 0}, 1}};
  for (const auto &one : cases) {
    std::string bytes = withVersions(one.isas);
    lmopt_artifact_t *raw = nullptr;
    lmopt_error_t error{};
    ASSERT_EQ(lmopt_artifact_open_memory(bytes.data(), bytes.size(), &raw, &error), LMOPT_OK) << error.message;
    Artifact artifact(raw);
    lmopt_artifact_info_t info{};
    info.struct_size = sizeof info;
    ASSERT_EQ(lmopt_artifact_get_info(raw, &info, &error), LMOPT_OK);
    EXPECT_EQ(info.versions, one.isas.size());
    EXPECT_EQ(info.version, one.version);
    EXPECT_EQ(info.isa, one.isas[one.version]);
  }
}

TEST(Artifact, refusesVersionsThatDoNotFitTogether) {
  expectMalformed(withVersions(std::vector<uint64_t>(LMOPT_MAX_VERSIONS + 1)), "more than 8 versions");
  std::string bytes = withVersions({0, 1});
  size_t second = Bytes(decoderPath).section(".lmopt.weights").sh_offset + 2 * (12 + 8) + sizeof(lmopt_note_t);
  for (size_t field : {offsetof(lmopt_note_t, weight_bytes), offsetof(lmopt_note_t, device)}) {
    std::string changed = bytes;
    changed[second + field] ^= 1;
    expectMalformed(changed, "its notes differ in ABI, device or size of the weights");
  }
}

TEST(Artifact, infoOfAnOlderCaller) {
  std::string bytes = readFile(decoderPath);
  lmopt_artifact_t *raw = nullptr;
  ASSERT_EQ(lmopt_artifact_open_memory(bytes.data(), bytes.size(), &raw, nullptr), LMOPT_OK);
  Artifact artifact(raw);
  lmopt_artifact_info_t info;
  std::memset(&info, 0x55, sizeof info);
  info.struct_size = offsetof(lmopt_artifact_info_t, isa);
  ASSERT_EQ(lmopt_artifact_get_info(raw, &info, nullptr), LMOPT_OK);
  EXPECT_EQ(info.abi_max, LMOPT_ABI_VERSION);
  EXPECT_EQ(info.isa, 0x5555555555555555u) << "written beyond struct_size";
  info.struct_size = 0;
  EXPECT_EQ(lmopt_artifact_get_info(raw, &info, nullptr), LMOPT_ERROR_USAGE);
}

TEST(Artifact, truncatedAnywhere) {
  std::string bytes = readFile(decoderPath), message;
  for (size_t size = 0; size < bytes.size(); size += size < 2048 ? 1 : 97)
    ASSERT_EQ(readStatus(bytes.substr(0, size), message), LMOPT_ERROR_MALFORMED) << size;
  ASSERT_EQ(readStatus(bytes.substr(0, bytes.size() - 1), message), LMOPT_ERROR_MALFORMED);
  EXPECT_EQ(readStatus(bytes, message), LMOPT_OK) << message;
}

/// Every field of the headers, with every kind of lie: an error, or a harmless reading where the checksums tell the
/// same lie, never more (the sanitizers watch).
TEST(Artifact, lyingHeaders) {
  const Bytes good(decoderPath);
  std::vector<std::pair<size_t, size_t>> ranges; // offset, size
  Bytes bytes = good;
  ranges.push_back({0, sizeof(Elf64_Ehdr)});
  ranges.push_back({bytes.header().e_phoff, bytes.header().e_phnum * sizeof(Elf64_Phdr)});
  ranges.push_back({bytes.header().e_shoff, bytes.header().e_shnum * sizeof(Elf64_Shdr)});
  ranges.push_back({bytes.section(".note.lmopt").sh_offset, bytes.section(".note.lmopt").sh_size});
  ranges.push_back({bytes.section(".lmopt.meta").sh_offset, 144});
  ranges.push_back({bytes.section(".lmopt.checksums").sh_offset, 200});
  const uint64_t lies[] = {0,
                           1,
                           0x7f,
                           0xffff,
                           0x7fffffff,
                           0xffffffff,
                           0x7fffffffffffffff,
                           0xffffffffffffffff,
                           good.data.size(),
                           good.data.size() - 1,
                           good.data.size() + 1};
  size_t errors = 0, readings = 0;
  for (auto [offset, size] : ranges)
    for (size_t at = offset; at + 2 <= offset + size; at += 2)
      for (uint64_t lie : lies)
        for (size_t width : {2, 4, 8}) {
          if (at + width > offset + size)
            continue;
          bytes.data = good.data;
          std::memcpy(bytes.data.data() + at, &lie, width);
          std::string message;
          lmopt_status_t status = readStatus(bytes.data, message);
          ASSERT_TRUE(status == LMOPT_ERROR_MALFORMED || bytes.data == good.data) << at << " " << lie;
          status = readStatus(resealed(bytes.data), message); // on purpose
          ASSERT_TRUE(status == LMOPT_OK || status == LMOPT_ERROR_MALFORMED) << at << " " << lie;
          (status == LMOPT_OK ? readings : errors) += 1;
        }
  EXPECT_GT(errors, 5000u);
  EXPECT_GT(readings, 0u);
}

TEST(Artifact, messagesNameTheField) {
  const Bytes good(decoderPath);
  Bytes bytes = good;
  expectMalformed("#!/bin/sh\necho this is no artifact, but it is long enough for an ELF header, is it not?\n",
                  "does not begin as an ELF file");
  bytes.header().e_type = ET_EXEC;
  expectMalformed(bytes.data, "shared library");
  bytes = good;
  bytes.section(".lmopt.meta").sh_size = 1 << 30;
  expectMalformed(bytes.data, "section .lmopt.meta: offset");
  bytes = good;
  bytes.section(".lmopt.weights").sh_offset += 8;
  bytes.section(".lmopt.weights").sh_size -= 8;
  bytes.changeNote([](lmopt_note_t &note) { note.weight_bytes -= 8; });
  expectMalformed(bytes.data, "section .lmopt.weights: offset");
  bytes = good;
  bytes.changeNote([](lmopt_note_t &note) { note.weight_bytes += 1; });
  expectMalformed(bytes.data, ".lmopt.weights has 8192 bytes, its note says 8193");
  bytes = good;
  bytes.changeNote([](lmopt_note_t &note) { note.magic = 5; });
  expectMalformed(bytes.data, "section .note.lmopt: magic");
  bytes = good;
  bytes.changeNote([](lmopt_note_t &note) { note.abi_min = 7; });
  expectMalformed(bytes.data, "ABI range 7..4 is empty");
  bytes = good;
  bytes.meta().count = 1ull << 60;
  expectMalformed(resealed(bytes.data), "section .lmopt.meta: 1152921504606846976 entries");
  bytes = good;
  bytes.entry(0).size = ~0ull;
  expectMalformed(resealed(bytes.data), "beyond the section");
  bytes = good;
  std::memset(bytes.entry(1).name, 'x', sizeof bytes.entry(1).name);
  expectMalformed(resealed(bytes.data), "entry 1");
  bytes = good;
  std::memcpy(bytes.entry(1).name, bytes.entry(0).name, sizeof bytes.entry(1).name);
  expectMalformed(resealed(bytes.data), "stands twice");
  bytes = good;
  bytes.section(".note.lmopt").sh_name = 0;
  expectMalformed(bytes.data, "without section .note.lmopt");
}

TEST(Model, refusesFilesItCannotRead) {
  TemporaryDirectory directory;
  expectRefused(directory.path + "/none.so", LMOPT_ERROR_RESOURCE, "No such file");
  expectRefused(directory.path, LMOPT_ERROR_RESOURCE, "not a regular file");
  expectRefused(directory.write("empty.so", ""), LMOPT_ERROR_MALFORMED, "empty");
  mkfifo((directory.path + "/pipe").c_str(), 0600);
  expectRefused(directory.path + "/pipe", LMOPT_ERROR_RESOURCE, "not a regular file"); // and does not hang
  std::string secret = directory.write("secret.so", readFile(decoderPath));
  chmod(secret.c_str(), 0);
  if (geteuid() == 0) {
    ASSERT_EQ(seteuid(65534), 0); // root may read everything
    chmod(directory.path.c_str(), 0755);
    std::string message;
    lmopt_status_t status = openStatus(secret, message);
    ASSERT_EQ(seteuid(0), 0);
    EXPECT_EQ(status, LMOPT_ERROR_RESOURCE) << message;
    EXPECT_NE(message.find("Permission denied"), std::string::npos) << message;
  } else {
    expectRefused(secret, LMOPT_ERROR_RESOURCE, "Permission denied");
  }
}

TEST(Model, refusesAnotherAbi) {
  TemporaryDirectory directory;
  Bytes bytes(decoderPath);
  bytes.changeNote([](lmopt_note_t &note) { note.abi_min = note.abi_max = LMOPT_ABI_VERSION + 1; });
  expectRefused(directory.write("newer.so", resealed(bytes.data)), LMOPT_ERROR_ABI, "newer runtime");
  bytes.changeNote([](lmopt_note_t &note) { note.abi_min = note.abi_max = 0; });
  expectRefused(directory.write("older.so", resealed(bytes.data)), LMOPT_ERROR_ABI, "compile the model again");
}

/// Those of ABI 2 differ in their steps, which nobody could tell from the outside.
TEST(Model, refusesAbi2) {
  TemporaryDirectory directory;
  Bytes bytes(decoderPath);
  bytes.changeNote([](lmopt_note_t &note) { note.abi_min = note.abi_max = 2; });
  expectRefused(directory.write("old.so", resealed(bytes.data)), LMOPT_ERROR_ABI,
                "ABI 2 to 2, this one (" + std::string(lmopt_version()) + ") serves 3 to 4; compile the model again");
}

/// Artifacts of ABI 1 had no checksums: they can be looked at, and nothing else.
TEST(Model, refusesAbi1) {
  TemporaryDirectory directory;
  Bytes bytes(decoderPath);
  bytes.section(".lmopt.checksums").sh_name = 0;
  expectMalformed(bytes.data, "section .lmopt.checksums is missing");
  bytes.changeNote([](lmopt_note_t &note) { note.abi_min = note.abi_max = 1; });
  std::string path = directory.write("old.so", bytes.data);
  expectRefused(path, LMOPT_ERROR_ABI,
                "ABI 1 to 1, this one (" + std::string(lmopt_version()) + ") serves 3 to 4; compile the model again");
  lmopt_artifact_t *raw = nullptr;
  lmopt_error_t error{};
  ASSERT_EQ(lmopt_artifact_open(path.c_str(), &raw, &error), LMOPT_OK) << error.message;
  Artifact artifact(raw);
  lmopt_artifact_info_t info{};
  info.struct_size = sizeof info;
  ASSERT_EQ(lmopt_artifact_get_info(raw, &info, nullptr), LMOPT_OK);
  EXPECT_EQ(info.checked, 0u);
  lmopt_tokenizer_t *tokenizer = nullptr;
  EXPECT_EQ(lmopt_artifact_tokenizer(raw, &tokenizer, &error), LMOPT_ERROR_ABI) << error.message;
  EXPECT_EQ(lmopt_artifact_verify(raw, &error), LMOPT_ERROR_ABI) << error.message;
}

TEST(Model, refusesACpuThatLacksSomething) {
  TemporaryDirectory directory;
  Bytes bytes(decoderPath);
  bytes.changeNote([](lmopt_note_t &note) { note.isa |= 1ull << 63; });
  expectRefused(directory.write("future.so", resealed(bytes.data)), LMOPT_ERROR_CPU, "this CPU lacks bit 63");
  expectRefused(directory.write("several.so", withVersions({1ull << 63, 1ull << 62})), LMOPT_ERROR_CPU,
                "needs bit 63 for the least demanding version of its code");
  bytes = Bytes(decoderPath);
  bytes.header().e_machine = EM_AARCH64;
  expectRefused(directory.write("arm.so", resealed(bytes.data)), LMOPT_ERROR_CPU, "another kind of CPU");
}

TEST(Model, refusesTruncatedFilesBeforeTheLoaderSeesThem) {
  TemporaryDirectory directory;
  std::string bytes = readFile(decoderPath);
  for (size_t size : {size_t(1), size_t(64), bytes.size() / 3, bytes.size() / 2, bytes.size() - 1})
    expectRefused(directory.write("cut.so", bytes.substr(0, size)), LMOPT_ERROR_MALFORMED, "cut.so");
}

TEST(Model, opensARelativeName) {
  // dlopen would look for a bare name in the system's directories.
  std::filesystem::path before = std::filesystem::current_path(), path = decoderPath;
  std::filesystem::current_path(path.parent_path());
  Model model = openModel(path.filename().string());
  std::filesystem::current_path(before);
  EXPECT_NE(model, nullptr);
}

TEST(Model, info) {
  Model model = openModel(decoderPath);
  lmopt_model_info_t info{};
  info.struct_size = sizeof info;
  ASSERT_EQ(lmopt_model_get_info(model.get(), &info, nullptr), LMOPT_OK);
  EXPECT_EQ(info.kind, uint32_t(LMOPT_MODEL_DECODER));
  EXPECT_EQ(info.vocabulary, 97);
  EXPECT_EQ(info.output_width, 97);
  EXPECT_EQ(info.max_positions, 200);
  EXPECT_EQ(info.max_step_rows, 32);
  EXPECT_EQ(info.max_decode_rows, 4);
  EXPECT_EQ(info.weight_bytes, 8192u);
  EXPECT_EQ(info.cache_bytes_per_position, 16u);
  EXPECT_EQ(info.state_bytes_per_sequence, 0u);
  EXPECT_EQ(info.input_count, 0u);
  EXPECT_EQ(info.result_count, 1u);
  EXPECT_STREQ(info.build, "fake model");
  EXPECT_EQ(lmopt_model_tokenizer(model.get()), nullptr);
  size_t size = 0;
  EXPECT_NE(lmopt_model_meta(model.get(), "manifest", &size), nullptr);
}

TEST(Model, optionsAreChecked) {
  lmopt_model_options_t options{};
  lmopt_model_t *model = nullptr;
  lmopt_error_t error{};
  EXPECT_EQ(lmopt_model_open(decoderPath.c_str(), &options, &model, &error), LMOPT_ERROR_USAGE) << "struct_size 0";
  options.struct_size = sizeof options;
  options.load = 9;
  EXPECT_EQ(lmopt_model_open(decoderPath.c_str(), &options, &model, &error), LMOPT_ERROR_USAGE);
  struct {
    lmopt_model_options_t known;
    uint32_t later;
  } newer{};
  newer.known.struct_size = sizeof newer;
  ASSERT_EQ(lmopt_model_open(decoderPath.c_str(), &newer.known, &model, &error), LMOPT_OK) << error.message;
  lmopt_model_destroy(model);
  newer.later = 1;
  EXPECT_EQ(lmopt_model_open(decoderPath.c_str(), &newer.known, &model, &error), LMOPT_ERROR_USAGE);
}

TEST(Model, chatTakesTheTemplateOfTheArtifact) {
  Model model = openModel(decoderPath);
  lmopt_chat_message_t message{"user", "hi", 2};
  lmopt_chat_options_t options{};
  options.struct_size = sizeof options;
  options.eos_token = "!";
  char *text = nullptr;
  lmopt_error_t error{};
  ASSERT_EQ(lmopt_model_chat(model.get(), &message, 1, &options, &text, nullptr, &error), LMOPT_OK) << error.message;
  EXPECT_STREQ(text, "<user>hi!");
  lmopt_free(text);
}

TEST(Cpu, namesAndFeatures) {
  char text[64];
  EXPECT_EQ(lmopt_isa_names(LMOPT_ISA_AVX2 | LMOPT_ISA_FMA | 1ull << 40, text, sizeof text),
            strlen("avx2, fma, bit 40"));
  EXPECT_STREQ(text, "avx2, fma, bit 40");
  EXPECT_EQ(lmopt_isa_names(0, text, sizeof text), 0u);
  EXPECT_STREQ(text, "");
  EXPECT_EQ(lmopt_isa_names(LMOPT_ISA_AVX2, text, 3), 4u);
  EXPECT_STREQ(text, "av");
  EXPECT_EQ(lmopt_isa_names(LMOPT_ISA_AVX2, nullptr, 0), 4u);
  // The compiler's own detection is the oracle.
  uint64_t isa = lmopt_cpu_isa();
  EXPECT_EQ(bool(isa & LMOPT_ISA_SSE42), bool(__builtin_cpu_supports("sse4.2")));
  EXPECT_EQ(bool(isa & LMOPT_ISA_AVX), bool(__builtin_cpu_supports("avx")));
  EXPECT_EQ(bool(isa & LMOPT_ISA_AVX2), bool(__builtin_cpu_supports("avx2")));
  EXPECT_EQ(bool(isa & LMOPT_ISA_FMA), bool(__builtin_cpu_supports("fma")));
  EXPECT_EQ(bool(isa & LMOPT_ISA_F16C), bool(__builtin_cpu_supports("f16c")));
  EXPECT_EQ(bool(isa & LMOPT_ISA_BMI2), bool(__builtin_cpu_supports("bmi2")));
  EXPECT_EQ(bool(isa & LMOPT_ISA_AVX512F), bool(__builtin_cpu_supports("avx512f")));
  EXPECT_EQ(bool(isa & LMOPT_ISA_AVX512BW), bool(__builtin_cpu_supports("avx512bw")));
  EXPECT_EQ(bool(isa & LMOPT_ISA_AVX512VL), bool(__builtin_cpu_supports("avx512vl")));
  EXPECT_EQ(bool(isa & LMOPT_ISA_AVX512DQ), bool(__builtin_cpu_supports("avx512dq")));
  EXPECT_EQ(bool(isa & LMOPT_ISA_AVX512VNNI), bool(__builtin_cpu_supports("avx512vnni")));
  EXPECT_EQ(bool(isa & LMOPT_ISA_AVX512BF16), bool(__builtin_cpu_supports("avx512bf16")));
  EXPECT_EQ(bool(isa & LMOPT_ISA_AVXVNNI), bool(__builtin_cpu_supports("avxvnni")));
  EXPECT_EQ(bool(isa & LMOPT_ISA_AVX512VBMI), bool(__builtin_cpu_supports("avx512vbmi")));
  EXPECT_EQ(bool(isa & LMOPT_ISA_AVX512VBMI2), bool(__builtin_cpu_supports("avx512vbmi2")));
}

} // namespace
