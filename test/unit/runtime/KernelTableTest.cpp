// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tables of kernels in an artifact for GPUs: what they say, and those that are refused, each with the field at
// fault, before any driver is asked. They take the place of the fake model's own.
#include "Fixture.h"
#include "test/Reseal.h"

#include <cstring>

using namespace lmopt::test;

namespace {

const std::string devicePath = LMOPT_BINARY_DIR "/lib/fake_device_decoder.so";

template <class T>
std::string bytesOf(const T &value) {
  return {reinterpret_cast<const char *>(&value), sizeof value};
}

struct Table {
  uint64_t magic = LMOPT_KERNELS_MAGIC;
  std::vector<lmopt_kernel_t> kernels = {{56, 32, 0, 44, 0}, {58, 1024, 1 << 20, 32764, 0}};
  std::string names = std::string("a\0bc\0", 5);
  uint32_t count = 2, walker = 0;

  std::string bytes() const {
    std::string all = bytesOf(lmopt_kernels_t{magic, count, walker});
    for (const lmopt_kernel_t &kernel : kernels)
      all += bytesOf(kernel);
    return all + names;
  }
};

/// Entries of the metadata by name, with places to change them.
struct Changed {
  std::string bytes = readFile(devicePath);
  size_t start() const {
    uint64_t magic = LMOPT_META_MAGIC;
    return bytes.find(std::string(reinterpret_cast<const char *>(&magic), sizeof magic));
  }
  size_t entryAt(const char *name) const {
    auto header = load<lmopt_meta_header_t>(bytes, start());
    for (uint64_t i = 0; i < header.count; ++i) {
      size_t at = start() + sizeof header + i * sizeof(lmopt_meta_entry_t);
      if (std::strcmp(load<lmopt_meta_entry_t>(bytes, at).name, name) == 0)
        return at;
    }
    ADD_FAILURE() << name;
    return 0;
  }
  void rename(const char *name, const char *into) {
    size_t at = entryAt(name);
    auto entry = load<lmopt_meta_entry_t>(bytes, at);
    std::memset(entry.name, 0, sizeof entry.name);
    std::memcpy(entry.name, into, std::strlen(into));
    store(bytes, at, entry);
  }
  /// `blob` must not be longer than what was there.
  void put(const char *name, const std::string &blob) {
    size_t at = entryAt(name);
    auto entry = load<lmopt_meta_entry_t>(bytes, at);
    ASSERT_LE(blob.size(), entry.size);
    bytes.replace(start() + entry.offset, blob.size(), blob);
    entry.size = blob.size();
    store(bytes, at, entry);
  }
  lmopt_status_t open(std::string &message) const {
    TemporaryDirectory directory;
    std::string path = directory.write("table.so", resealed(bytes));
    lmopt_model_t *raw = nullptr;
    lmopt_error_t error{};
    lmopt_status_t status = lmopt_model_open(path.c_str(), nullptr, &raw, &error);
    Model model(raw);
    message = error.message;
    return status;
  }
};

void expectMalformed(const Changed &changed, const std::string &part) {
  std::string message;
  EXPECT_EQ(changed.open(message), LMOPT_ERROR_MALFORMED) << part;
  EXPECT_NE(message.find(part), std::string::npos) << message << "\nlacks: " << part;
}

void expectMalformed(const std::string &table, const std::string &part) {
  Changed changed;
  changed.put("kernels.sm_80", table);
  expectMalformed(changed, "metadata \"kernels.sm_80\": " + part);
}

Artifact openArtifact(const std::string &bytes) {
  lmopt_artifact_t *artifact = nullptr;
  lmopt_error_t error{};
  EXPECT_EQ(lmopt_artifact_open_memory(bytes.data(), bytes.size(), &artifact, &error), LMOPT_OK) << error.message;
  return Artifact(artifact);
}

TEST(KernelTable, isTold) {
  std::string bytes = readFile(devicePath);
  Artifact artifact = openArtifact(bytes);
  lmopt_artifact_info_t about{};
  about.struct_size = sizeof about;
  ASSERT_EQ(lmopt_artifact_get_info(artifact.get(), &about, nullptr), LMOPT_OK);
  EXPECT_EQ(about.device, uint32_t(LMOPT_COMPUTES_ON_CUDA));
  uint32_t count = 0;
  ASSERT_EQ(lmopt_artifact_count_kernels(artifact.get(), "sm_80", &count, nullptr), LMOPT_OK);
  ASSERT_EQ(count, 4u);
  lmopt_kernel_info_t info{};
  info.struct_size = sizeof info;
  ASSERT_EQ(lmopt_artifact_get_kernel(artifact.get(), "sm_80", 2, &info, nullptr), LMOPT_OK);
  EXPECT_STREQ(info.name, "answer");
  EXPECT_EQ(info.threads, 32u);
  EXPECT_EQ(info.shared_bytes, 64u);
  EXPECT_EQ(info.argument_bytes, 60u);
  EXPECT_EQ(lmopt_artifact_get_kernel(artifact.get(), "sm_80", 4, &info, nullptr), LMOPT_ERROR_USAGE);
  for (const char *other : {"sm_90a", "", "sm_80 and much more than any name of metadata can hold, to be sure"}) {
    ASSERT_EQ(lmopt_artifact_count_kernels(artifact.get(), other, &count, nullptr), LMOPT_OK);
    EXPECT_EQ(count, 0u) << other;
  }
}

TEST(KernelTable, soundOnes) {
  std::string message;
  Changed changed;
  changed.put("kernels.sm_80", Table().bytes());
  EXPECT_EQ(changed.open(message), LMOPT_OK) << message;
  for (const char *architecture :
       {"sm_100f", "sm_90a", "gfx942", "sm_99999999999999"}) { // some that this runtime does not know
    Changed renamed;
    renamed.rename("kernels.sm_80", ("kernels." + std::string(architecture)).c_str());
    renamed.rename("ptx.sm_80", ("cubin." + std::string(architecture)).c_str());
    EXPECT_EQ(renamed.open(message), LMOPT_OK) << message;
  }
}

TEST(KernelTable, badOnesAreRefused) {
  auto changed = [](auto change) {
    Table table;
    change(table);
    return table.bytes();
  };
  auto kernel = [&](uint32_t lmopt_kernel_t::*field, uint32_t value) {
    return changed([&](Table &table) { table.kernels[1].*field = value; });
  };
  expectMalformed("", "0 bytes, its header alone has 16");
  expectMalformed(Table().bytes().substr(0, 15), "15 bytes, its header alone has 16");
  expectMalformed(changed([](Table &table) { table.magic ^= 1; }), "magic is 0x");
  expectMalformed(changed([](Table &table) { table.count = 0; }), "0 kernels in 61 bytes");
  expectMalformed(changed([](Table &table) { table.count = 3; }), "3 kernels in 61 bytes");
  expectMalformed(changed([](Table &table) { table.count = UINT32_MAX; }), "4294967295 kernels in 61 bytes");
  const std::string name = "kernel 1: field name makes no sense";
  for (uint32_t place : {0u, 55u, 61u, UINT32_MAX})
    expectMalformed(kernel(&lmopt_kernel_t::name, place), name);
  expectMalformed(kernel(&lmopt_kernel_t::name, 57), name);                       // empty
  expectMalformed(changed([](Table &table) { table.names.back() = 'd'; }), name); // without an end
  expectMalformed(kernel(&lmopt_kernel_t::threads, 0), "kernel 1: field threads makes no sense");
  expectMalformed(kernel(&lmopt_kernel_t::threads, 1025), "kernel 1: field threads makes no sense");
  expectMalformed(kernel(&lmopt_kernel_t::shared_bytes, (1 << 20) + 1), "kernel 1: field shared_bytes makes no sense");
  expectMalformed(kernel(&lmopt_kernel_t::argument_bytes, 32765), "kernel 1: field argument_bytes makes no sense");
}

// The walker is a kernel like others, with arguments of its own, and does those that say so.
TEST(KernelTable, walkers) {
  auto changed = [](auto change) {
    Table table;
    table.walker = 2;
    table.kernels[0].walked = 1;
    table.kernels[1].argument_bytes = LMOPT_WALK_ARGUMENT_BYTES;
    change(table);
    return table.bytes();
  };
  std::string message;
  Changed sound;
  sound.put("kernels.sm_80", changed([](Table &) {}));
  EXPECT_EQ(sound.open(message), LMOPT_OK) << message;
  expectMalformed(changed([](Table &table) { table.walker = 3; }), "the walker is kernel 2 of 2");
  expectMalformed(changed([](Table &table) { table.walker = UINT32_MAX; }), "the walker is kernel 4294967294 of 2");
  expectMalformed(changed([](Table &table) { table.kernels[1].argument_bytes = 24; }),
                  "kernel 1: field argument_bytes makes no sense");
  expectMalformed(changed([](Table &table) { table.kernels[0].walked = 2; }), "kernel 0: field walked makes no sense");
  expectMalformed(changed([](Table &table) { table.kernels[1].walked = 1; }), // by itself
                  "kernel 1: field walked makes no sense");
  expectMalformed(changed([](Table &table) { table.walker = 0; }), "kernel 0: field walked makes no sense");
  expectMalformed(changed([](Table &table) { table.kernels[1].threads = 16; }),
                  "kernel 0: field walked makes no sense");
  expectMalformed(changed([](Table &table) {
                    table.kernels[0].shared_bytes = 8;
                    table.kernels[1].shared_bytes = 4;
                  }),
                  "kernel 0: field walked makes no sense");
}

TEST(KernelTable, rolesAreTold) {
  std::string bytes = readFile(LMOPT_BINARY_DIR "/lib/fake_device_half.so");
  Artifact artifact = openArtifact(bytes);
  std::vector<uint32_t> roles;
  lmopt_kernel_info_t info{};
  info.struct_size = sizeof info;
  for (uint32_t i = 0; lmopt_artifact_get_kernel(artifact.get(), "sm_80", i, &info, nullptr) == LMOPT_OK; ++i)
    roles.push_back(info.role);
  EXPECT_EQ(roles, (std::vector<uint32_t>{LMOPT_KERNEL_WALKED, LMOPT_KERNEL_WALKED, LMOPT_KERNEL_LAUNCHED,
                                          LMOPT_KERNEL_WALKED, LMOPT_KERNEL_WALKER}));
}

TEST(KernelTable, missingParts) {
  Changed noTable;
  noTable.rename("kernels.sm_80", "other");
  expectMalformed(noTable, "it is for GPUs, but metadata \"kernels.ARCHITECTURE\" is missing");
  Changed noImage;
  noImage.rename("ptx.sm_80", "ptx.sm_90");
  expectMalformed(noImage, "\"kernels.sm_80\" has neither \"ptx.sm_80\" nor \"cubin.sm_80\" beside it");
}

// The host code is one, so two architectures must have kernels that it can launch alike.
TEST(KernelTable, tablesMustBeAlike) {
  auto withSecond = [](const Table &second) {
    Changed changed;
    changed.rename("spare.1", "kernels.sm_90a");
    changed.rename("spare.2", "ptx.sm_90a");
    changed.put("kernels.sm_80", Table().bytes());
    changed.put("kernels.sm_90a", second.bytes());
    return changed;
  };
  std::string message;
  Table second;
  second.kernels[0].threads = 64;
  EXPECT_EQ(withSecond(second).open(message), LMOPT_OK) << message;
  const std::string part = "\"kernels.sm_80\" and \"kernels.sm_90a\" differ in kernels or the bytes of their arguments";
  second.kernels[0].argument_bytes = 40;
  expectMalformed(withSecond(second), part);
  Table fewer;
  fewer.kernels.pop_back();
  fewer.kernels[0].name = 36;
  fewer.count = 1;
  expectMalformed(withSecond(fewer), part);
}

TEST(KernelTable, tooManyArchitectures) {
  lmopt_model_t *model = nullptr;
  lmopt_error_t error{};
  EXPECT_EQ(lmopt_model_open(LMOPT_BINARY_DIR "/lib/fake_device_many.so", nullptr, &model, &error),
            LMOPT_ERROR_MALFORMED);
  EXPECT_NE(std::string(error.message).find("code for more than 16 architectures"), std::string::npos) << error.message;
}

} // namespace
