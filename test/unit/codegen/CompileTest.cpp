// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whole compilations as a library call: the same bytes twice, every exit code, and after a failure of any kind nothing
// left in the output's folder, neither new files nor a changed old one.
#include "codegen/Compile.h"
#include "test/unit/codegen/TestModule.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/resource.h>
#include <unistd.h>

using namespace lmopt;
namespace fs = std::filesystem;

namespace {

class Compile : public testing::Test {
protected:
  void SetUp() override {
    folder = testing::TempDir() + "lmopt-compile-" + std::to_string(getpid());
    fs::create_directories(folder);
  }
  void TearDown() override { fs::remove_all(folder); }

  CompileResult compile(const std::string &output, const CompileOptions &options = {},
                        const char *module = "decoder.mlir") {
    test::TestModule text = test::TestModule::fromFile(module);
    return compileToArtifact(text.get(), options, output);
  }

  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const fs::directory_entry &entry : fs::directory_iterator(folder))
      names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }
  static std::string read(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  /// Errors that MLIR reports while `body` runs.
  static std::string diagnosticsOf(mlir::MLIRContext &context, const std::function<void()> &body) {
    std::string all;
    mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
      all += diagnostic.str() + "\n";
      return mlir::success();
    });
    body();
    return all;
  }

  std::string folder;
};

TEST_F(Compile, TheSameBytesTwice) {
  CompileOptions options;
  options.tokenizer = "tokens";
  for (const char *module : {"decoder.mlir", "encoder.mlir"}) {
    ASSERT_EQ(compile(folder + "/a.so", options, module).code, 0);
    ASSERT_EQ(compile(folder + "/b.so", options, module).code, 0);
    EXPECT_EQ(files(), (std::vector<std::string>{"a.so", "b.so"})) << "nothing else is left";
    EXPECT_EQ(read(folder + "/a.so"), read(folder + "/b.so"));
  }
}

TEST_F(Compile, SplitWeightsMakeTwoFiles) {
  CompileOptions options;
  options.splitWeights = true;
  ASSERT_EQ(compile(folder + "/m.so", options).code, 0);
  EXPECT_EQ(files(), (std::vector<std::string>{"m.so", "m.so.weights"}));
}

TEST_F(Compile, SeveralVersionsInOneFile) {
  CompileOptions options;
  options.targetCpu = "native,x86-64";
  for (const char *name : {"/a.so", "/b.so"})
    ASSERT_EQ(compile(folder + name, options).code, 0);
  EXPECT_EQ(files(), (std::vector<std::string>{"a.so", "b.so"})) << "nothing else is left";
  EXPECT_EQ(read(folder + "/a.so"), read(folder + "/b.so"));
}

TEST_F(Compile, StopsAfterAnyStage) {
  CompileOptions options;
  options.stopAfter = CompileStage::Plan;
  ASSERT_EQ(compile(folder + "/m.mlir", options).code, 0);
  for (const char *part :
       {"plan.weight @embed.weight.packed", "plan.program @prefill", "plan.program @decode", "plan.wait"})
    EXPECT_NE(read(folder + "/m.mlir").find(part), std::string::npos) << part;
  options.stopAfter = CompileStage::Lower;
  ASSERT_EQ(compile(folder + "/m.mlir", options).code, 0);
  EXPECT_NE(read(folder + "/m.mlir").find("func.func @prefill"), std::string::npos);
  options.stopAfter = CompileStage::Emit;
  ASSERT_EQ(compile(folder + "/m.ll", options).code, 0);
  EXPECT_NE(read(folder + "/m.ll").find("@lmopt_model_query"), std::string::npos);
  EXPECT_EQ(files(), (std::vector<std::string>{"m.ll", "m.mlir"}));
}

TEST_F(Compile, DumpsEveryStage) {
  CompileOptions options;
  options.dumpDirectory = folder + "/stages";
  ASSERT_EQ(compile(folder + "/m.so", options).code, 0);
  for (const char *name : {"plan.mlir", "schedule.mlir", "lower.mlir", "emit.ll", "emit.s"})
    EXPECT_GT(read(folder + "/stages/" + name).size(), 1000u) << name;
}

TEST_F(Compile, ReportsProgressUpToTheEnd) {
  CompileOptions options;
  std::vector<std::pair<uint64_t, uint64_t>> reports;
  options.progress = [&](uint64_t done, uint64_t all) { reports.emplace_back(done, all); };
  ASSERT_EQ(compile(folder + "/m.so", options).code, 0);
  ASSERT_FALSE(reports.empty());
  for (size_t i = 0; i < reports.size(); ++i) {
    EXPECT_LE(reports[i].first, reports[i].second);
    EXPECT_TRUE(i == 0 || reports[i - 1].first < reports[i].first);
  }
}

//===--------------------------------------------------------------------------------------------------------------===//
// Failures
//===--------------------------------------------------------------------------------------------------------------===//

TEST_F(Compile, UnknownCpuIs2) {
  CompileOptions options;
  options.targetCpu = "pentium9";
  CompileResult result = compile(folder + "/m.so", options);
  EXPECT_EQ(result.code, 2);
  EXPECT_NE(result.message.find("--target-cpu: unknown CPU 'pentium9'"), std::string::npos) << result.message;
  EXPECT_TRUE(files().empty());
}

TEST_F(Compile, SeveralCpusThatCannotBeToldApartAre2) {
  const struct {
    const char *cpus, *part;
    CompileStage stage;
  } cases[] = {{"native,native", "mean the same instructions", CompileStage::Link},
               {"x86-64,,x86-64-v3", "a CPU name is missing between the commas", CompileStage::Link},
               {"x86-64,pentium9", "unknown CPU 'pentium9'", CompileStage::Link},
               {"x86-64,x86-64-v3", "show the code for one CPU", CompileStage::Emit}};
  for (const auto &one : cases) {
    CompileOptions options;
    options.targetCpu = one.cpus;
    options.stopAfter = one.stage;
    CompileResult result = compile(folder + "/m.so", options);
    EXPECT_EQ(result.code, 2) << one.cpus;
    EXPECT_NE(result.message.find(one.part), std::string::npos) << result.message;
  }
  EXPECT_TRUE(files().empty());
}

TEST_F(Compile, UnsupportedModelIs4) {
  test::TestModule empty = test::TestModule::fromText("module attributes {lm.config = {}} {}");
  std::string said = diagnosticsOf(*empty.get().getContext(),
                                   [&] { EXPECT_EQ(compileToArtifact(empty.get(), {}, folder + "/m.so").code, 4); });
  EXPECT_NE(said.find("expects one function, @forward (decoder) or @encode (encoder)"), std::string::npos) << said;
  EXPECT_TRUE(files().empty());
}

/// A decoder whose table is in a file.
std::string moduleWithFile(const std::string &file) {
  return "module attributes {lm.config = {vocabulary = 8 : i64, max_positions = 16 : i64}} {\n"
         "  lm.param @t : tensor<8x16xf32> = #lm.safetensors<\"" +
         file +
         "\", \"t\", f32>\n"
         "  func.func @forward(%ids: tensor<?x?xi32>, %cache: !lm.cache) -> (tensor<?x?x16xf32>, !lm.cache) {\n"
         "    %x = lm.embedding %ids, @t : (tensor<?x?xi32>) -> tensor<?x?x16xf32>\n"
         "    return %x, %cache : tensor<?x?x16xf32>, !lm.cache\n  }\n}\n";
}

TEST_F(Compile, MissingWeightsAre5AndMalformedOnes3) {
  std::string folderOfWeights = folder + "-weights";
  fs::create_directories(folderOfWeights);
  CompileOptions options;
  options.baseDirectory = folderOfWeights;
  for (const std::pair<int, const char *> &expected : {std::pair(5, ""), std::pair(3, "this is no safetensors file")}) {
    const int code = expected.first;
    const char *content = expected.second;
    if (*content)
      std::ofstream(folderOfWeights + "/w.safetensors") << content;
    for (bool split : {false, true}) {
      options.splitWeights = split;
      test::TestModule module = test::TestModule::fromText(moduleWithFile("w.safetensors"));
      std::string said = diagnosticsOf(*module.get().getContext(), [&] {
        EXPECT_EQ(compileToArtifact(module.get(), options, folder + "/m.so").code, code);
      });
      EXPECT_NE(said.find("w.safetensors"), std::string::npos) << said;
      EXPECT_TRUE(files().empty()) << files()[0];
    }
  }
  fs::remove_all(folderOfWeights);
}

TEST_F(Compile, NoPlaceForTheOutputIs5) {
  std::ofstream(folder + "/file") << "in the way";
  for (const std::string &output : {folder + "/no/such/folder/m.so", folder + "/file/m.so"})
    for (CompileStage stage : {CompileStage::Lower, CompileStage::Link}) {
      CompileOptions options;
      options.stopAfter = stage;
      CompileResult result = compile(output, options);
      EXPECT_EQ(result.code, 5) << output;
      EXPECT_NE(result.message.find(output), std::string::npos) << result.message;
    }
  EXPECT_EQ(files(), (std::vector<std::string>{"file"}));
}

TEST_F(Compile, FolderThatMayNotBeWrittenIs5) {
  if (geteuid() == 0)
    GTEST_SKIP() << "root may write everywhere";
  fs::permissions(folder, fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_EQ(compile(folder + "/m.so").code, 5);
  fs::permissions(folder, fs::perms::owner_all);
  EXPECT_TRUE(files().empty());
}

TEST_F(Compile, OutputThatIsAFolderIs2) {
  fs::create_directories(folder + "/m.so/inside");
  CompileResult result = compile(folder + "/m.so");
  EXPECT_EQ(result.code, 2);
  EXPECT_NE(result.message.find("is a directory"), std::string::npos) << result.message;
  EXPECT_EQ(files(), (std::vector<std::string>{"m.so"}));
}

/// Files of this process end at a size while it lives: what a full disk does, at a place of our choice.
class FileSizeLimit {
public:
  explicit FileSizeLimit(rlim_t bytes) {
    handler = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    rlimit limit = {bytes, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
  }

private:
  rlimit before;
  void (*handler)(int);
};

TEST_F(Compile, DiskFullAtAnyPointIs5AndLeavesTheOldFile) {
  ASSERT_EQ(compile(folder + "/m.so").code, 0);
  std::string before = read(folder + "/m.so");
  uint64_t size = before.size();
  // While the object is written, while lld writes, in the weights, in the meta section, in the headers.
  for (uint64_t limit : {uint64_t(100), size / 3, size / 2, size * 3 / 4, size - 4000, size - 10}) {
    CompileResult result;
    {
      FileSizeLimit full(limit);
      result = compile(folder + "/m.so");
    }
    EXPECT_EQ(result.code, 5) << limit << " of " << size << ": " << result.message;
    EXPECT_NE(result.message.find(folder), std::string::npos) << result.message;
    EXPECT_EQ(files(), (std::vector<std::string>{"m.so"})) << limit;
    EXPECT_EQ(read(folder + "/m.so"), before);
  }
}

} // namespace
