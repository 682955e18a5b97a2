// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The file that a compilation leaves: sections, note, meta directory and dynamic symbols as lmopt/abi.h promises, read
// with LLVM's own ELF reader; and the pieces that write it.
#include "codegen/Compile.h"
#include "codegen/link/LinkLibrary.h"
#include "codegen/link/SectionAppender.h"
#include "lmopt/abi.h"
#include "lmopt/lmopt.h"
#include "runtime/src/artifact/checksum.h"
#include "test/unit/codegen/TestModule.h"

#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <unistd.h>

using namespace lmopt;
using Elf = llvm::object::ELF64LEFile;

namespace {

std::string temporaryPath(const std::string &name) {
  return testing::TempDir() + "lmopt-artifact-" + std::to_string(getpid()) + "-" + name;
}

class ArtifactFile : public testing::Test {
protected:
  void compile(const char *module, const CompileOptions &options) {
    path = temporaryPath("model.so");
    test::TestModule text = test::TestModule::fromFile(module);
    CompileResult result = compileToArtifact(text.get(), options, path);
    ASSERT_EQ(result.code, 0) << result.message;
    buffer = std::move(*llvm::MemoryBuffer::getFile(path));
    elf = std::make_unique<Elf>(llvm::cantFail(Elf::create(buffer->getBuffer())));
    for (const Elf::Elf_Shdr &section : llvm::cantFail(elf->sections()))
      sections[llvm::cantFail(elf->getSectionName(section)).str()] = &section;
  }
  void TearDown() override {
    unlink(path.c_str());
    unlink((path + ".weights").c_str());
  }

  llvm::StringRef contents(const Elf::Elf_Shdr &section) {
    return buffer->getBuffer().substr(section.sh_offset, section.sh_size);
  }

  std::map<std::string, std::string> meta() {
    llvm::StringRef bytes = contents(*sections.at(".lmopt.meta"));
    lmopt_meta_header_t header;
    std::memcpy(&header, bytes.data(), sizeof(header));
    EXPECT_EQ(header.magic, LMOPT_META_MAGIC);
    std::map<std::string, std::string> blobs;
    for (uint64_t i = 0; i < header.count; ++i) {
      lmopt_meta_entry_t entry;
      std::memcpy(&entry, bytes.data() + sizeof(header) + i * sizeof(entry), sizeof(entry));
      EXPECT_EQ(entry.name[LMOPT_META_NAME_SIZE - 1], 0);
      EXPECT_EQ(entry.offset % 64, 0u) << "readers use integers of blobs in place";
      EXPECT_LE(entry.offset + entry.size, bytes.size());
      blobs[entry.name] = bytes.substr(entry.offset, entry.size).str();
    }
    return blobs;
  }

  lmopt_note_t note() {
    llvm::StringRef bytes = contents(*sections.at(".note.lmopt"));
    lmopt_note_t note = {};
    EXPECT_EQ(bytes.size(), 12 + 8 + sizeof(note));
    uint32_t head[3];
    std::memcpy(head, bytes.data(), sizeof(head));
    EXPECT_EQ(head[0], 6u);
    EXPECT_EQ(head[1], sizeof(note));
    EXPECT_EQ(head[2], LMOPT_NOTE_TYPE);
    EXPECT_STREQ(bytes.data() + 12, "lmopt");
    std::memcpy(&note, bytes.data() + 20, sizeof(note));
    return note;
  }

  std::string path;
  std::unique_ptr<llvm::MemoryBuffer> buffer;
  std::unique_ptr<Elf> elf;
  std::map<std::string, const Elf::Elf_Shdr *> sections;
};

TEST_F(ArtifactFile, SectionsAreAlignedAndNotLoaded) {
  CompileOptions options;
  options.tokenizer = "the tokenizer";
  options.chatTemplate = "the template";
  options.recipe = "{\"name\": \"f32\"}";
  ASSERT_NO_FATAL_FAILURE(compile("decoder.mlir", options));
  for (const char *name : {".lmopt.weights", ".lmopt.meta"}) {
    ASSERT_TRUE(sections.count(name)) << name;
    EXPECT_EQ(sections[name]->sh_offset % 4096, 0u) << name;
    EXPECT_EQ(sections[name]->sh_type, llvm::ELF::SHT_PROGBITS) << name;
    EXPECT_EQ(sections[name]->sh_flags, 0u) << name;
    EXPECT_EQ(sections[name]->sh_addralign, 4096u) << name;
    for (const Elf::Elf_Phdr &segment : llvm::cantFail(elf->program_headers()))
      if (segment.p_type == llvm::ELF::PT_LOAD) {
        EXPECT_LE(segment.p_offset + segment.p_filesz, sections[name]->sh_offset) << name;
      }
  }
  lmopt_note_t told = note();
  EXPECT_EQ(told.magic, LMOPT_NOTE_MAGIC);
  EXPECT_EQ(told.abi_min, LMOPT_ABI_WITHOUT_RINGS);
  EXPECT_EQ(told.abi_max, LMOPT_ABI_WITHOUT_RINGS);
  EXPECT_EQ(told.reserved, 0u);
  EXPECT_EQ(told.weight_bytes, sections[".lmopt.weights"]->sh_size);
  std::map<std::string, std::string> blobs = meta();
  EXPECT_EQ(blobs.size(), 3u);
  EXPECT_EQ(blobs["tokenizer"], "the tokenizer");
  EXPECT_EQ(blobs["chat_template"], "the template");
  llvm::Expected<llvm::json::Value> manifest = llvm::json::parse(blobs["manifest"]);
  ASSERT_TRUE(bool(manifest)) << llvm::toString(manifest.takeError());
  llvm::json::Object &object = *manifest->getAsObject();
  EXPECT_EQ(object.getString("kind"), "decoder");
  EXPECT_EQ(object.getInteger("weight_bytes"), int64_t(told.weight_bytes));
  EXPECT_EQ(object.getObject("recipe")->getString("name"), "f32");
}

TEST_F(ArtifactFile, WeightsSplitOut) {
  CompileOptions options;
  options.splitWeights = true;
  ASSERT_NO_FATAL_FAILURE(compile("encoder.mlir", options));
  EXPECT_FALSE(sections.count(".lmopt.weights"));
  std::map<std::string, std::string> blobs = meta();
  EXPECT_EQ(blobs.size(), 2u);
  std::string file = blobs["weights_file"];
  EXPECT_EQ(file, path.substr(path.rfind('/') + 1) + ".weights");
  std::string weights =
      llvm::cantFail(llvm::errorOrToExpected(llvm::MemoryBuffer::getFile(path + ".weights")))->getBuffer().str();
  lmopt_weights_trailer_t trailer;
  ASSERT_EQ(weights.size(), note().weight_bytes + sizeof(trailer));
  std::memcpy(&trailer, weights.data() + note().weight_bytes, sizeof(trailer));
  EXPECT_EQ(trailer.magic, LMOPT_WEIGHTS_MAGIC);
  EXPECT_EQ(trailer.checksum, lmoptp_checksum_of(weights.data(), note().weight_bytes));
  lmopt_checksums_header_t header;
  std::memcpy(&header, contents(*sections.at(".lmopt.checksums")).data(), sizeof(header));
  EXPECT_EQ(header.weights, trailer.checksum);
}

// Every byte has a checksum; the weights' was made while they streamed into the file.
TEST_F(ArtifactFile, ChecksumsCoverEveryByte) {
  for (const char *cpu : {"native", "x86-64,x86-64-v3"}) {
    sections.clear();
    CompileOptions options;
    options.targetCpu = cpu;
    ASSERT_NO_FATAL_FAILURE(compile("decoder.mlir", options));
    llvm::StringRef file = buffer->getBuffer(), list = contents(*sections.at(".lmopt.checksums"));
    lmopt_checksums_header_t header;
    std::memcpy(&header, list.data(), sizeof(header));
    ASSERT_EQ(list.size(), sizeof(header) + header.count * sizeof(lmopt_checksum_t));
    EXPECT_EQ(list.end(), file.end());
    uint64_t end = 0;
    std::set<std::string> names;
    for (uint64_t i = 0; i < header.count; ++i) {
      lmopt_checksum_t part;
      std::memcpy(&part, list.data() + sizeof(header) + i * sizeof(part), sizeof(part));
      EXPECT_EQ(part.offset, end) << part.name;
      EXPECT_EQ(part.checksum, lmoptp_checksum_of(file.data() + part.offset, part.size)) << part.name;
      end = part.offset + part.size;
      names.insert(part.name);
    }
    EXPECT_EQ(end, sections.at(".lmopt.checksums")->sh_offset);
    for (const char *name : {"ELF header and program headers", "section headers", ".text", ".note.lmopt", ".dynamic",
                             ".lmopt.weights", ".lmopt.meta"})
      EXPECT_TRUE(names.count(name)) << name;
  }
}

TEST_F(ArtifactFile, DamageIsFoundAnywhere) {
  ASSERT_NO_FATAL_FAILURE(compile("decoder.mlir", {}));
  const std::string whole = buffer->getBuffer().str();
  const uint64_t weights = sections.at(".lmopt.weights")->sh_offset,
                 afterWeights = sections.at(".lmopt.meta")->sh_offset;
  uint32_t seed = 5;
  for (int copy = 0; copy < 2400; ++copy) {
    std::string bytes = whole;
    size_t at = (seed = seed * 1664525u + 1013904223u) % bytes.size();
    bytes[at] = char(bytes[at] ^ (1 << copy % 8));
    lmopt_artifact_t *artifact = nullptr;
    lmopt_status_t status = lmopt_artifact_open_memory(bytes.data(), bytes.size(), &artifact, nullptr);
    bool inWeights = at >= weights && at < afterWeights;
    ASSERT_EQ(status, inWeights ? LMOPT_OK : LMOPT_ERROR_MALFORMED) << at;
    if (inWeights) {
      EXPECT_EQ(lmopt_artifact_verify(artifact, nullptr), LMOPT_ERROR_MALFORMED) << at;
    }
    lmopt_artifact_destroy(artifact);
  }
}

// One symbol out; in, nothing but what LLVM makes of loops that clear or copy.
TEST_F(ArtifactFile, DynamicSymbols) {
  for (const char *module : {"decoder.mlir", "encoder.mlir"})
    for (const char *cpu : {"native", "x86-64"}) {
      sections.clear();
      CompileOptions options;
      options.targetCpu = cpu;
      ASSERT_NO_FATAL_FAILURE(compile(module, options));
      std::set<std::string> exported, imported;
      const Elf::Elf_Shdr *table = sections.at(".dynsym");
      llvm::StringRef names = llvm::cantFail(elf->getStringTableForSymtab(*table));
      for (const Elf::Elf_Sym &symbol : llvm::cantFail(elf->symbols(table))) {
        std::string name = llvm::cantFail(symbol.getName(names)).str();
        if (!name.empty())
          (symbol.isUndefined() ? imported : exported).insert(name);
      }
      EXPECT_EQ(exported, std::set<std::string>{LMOPT_MODEL_QUERY_SYMBOL});
      for (const std::string &name : imported)
        EXPECT_TRUE(name == "memset" || name == "memcpy" || name == "memmove") << module << " needs " << name;
      EXPECT_EQ(note().isa == 0, std::string(cpu) == "x86-64");
      ASSERT_FALSE(sections.count(".init_array")) << "no code runs when the library is loaded";
    }
}

//===--------------------------------------------------------------------------------------------------------------===//
// The pieces
//===--------------------------------------------------------------------------------------------------------------===//

TEST(MakeMeta, LongNamesAreCutAndEmptyBlobsStay) {
  std::string bytes = link::makeMeta({{std::string(50, 'x'), "abc"}, {"empty", ""}});
  lmopt_meta_entry_t entries[2];
  std::memcpy(entries, bytes.data() + sizeof(lmopt_meta_header_t), sizeof(entries));
  EXPECT_STREQ(entries[0].name, "empty");
  EXPECT_EQ(entries[0].size, 0u);
  EXPECT_EQ(std::string(entries[1].name), std::string(LMOPT_META_NAME_SIZE - 1, 'x'));
  EXPECT_EQ(bytes.substr(entries[1].offset, entries[1].size), "abc");
  EXPECT_EQ(entries[1].offset + entries[1].size, bytes.size());
}

TEST(SectionAppender, NamesTheFileThatItCannotOpen) {
  link::SectionAppender appender;
  std::string error;
  EXPECT_FALSE(appender.open("/no/such/folder/file", error));
  EXPECT_EQ(error, "cannot open '/no/such/folder/file': No such file or directory");
}

TEST(SectionAppender, RefusesWhatIsNoElfFile) {
  std::string path = temporaryPath("short"), error;
  std::ofstream(path) << "abc";
  link::SectionAppender appender;
  ASSERT_TRUE(appender.open(path, error));
  ASSERT_TRUE(appender.begin(".x", error));
  EXPECT_EQ(appender.size(), 4096u) << "sections begin at pages";
  appender.end();
  EXPECT_FALSE(appender.finish(0, error));
  EXPECT_EQ(error, "'" + path + "' is no ELF file with named sections");
  unlink(path.c_str());
}

TEST(LinkSharedLibrary, TellsWhatTheLinkerSaid) {
  std::string path = temporaryPath("not-an-object"), error;
  std::ofstream(path) << "this is no object file";
  EXPECT_FALSE(link::linkSharedLibrary({path}, path + ".so", error));
  EXPECT_NE(error.find("not-an-object"), std::string::npos) << error;
  unlink(path.c_str());
}

} // namespace
