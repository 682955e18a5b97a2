// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights whose rounding is fitted to statistics, and scales that migrate, on fixture models whose results the
// reference interpreter computes: statistics of a model are those of what exact rewrites make of it, moments of rotated
// and scaled values are those that are measured of them, what is lost on the text is less than by rounding to nearest,
// migration changes nothing.
#include "test/unit/models/CalibratedModel.h"

#include "dialects/lm/Lm.h"
#include "dialects/lm/PartNames.h"
#include "passes/analysis/Statistics.h"

#include <map>
#include <numeric>

using namespace mlir;
using namespace lmopt;

namespace {

class FittedFixtures : public fixture::CalibratedModel {
protected:
  void SetUp() override {
    fixture::CalibratedModel::SetUp();
    stats = kept();
    if (std::filesystem::exists(stats))
      return;
    CalibrationSettings how = settings("", 1 << 30);
    how.output = stats;
    run(how);
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(keptFolder()); }

  /// Each model is calibrated once for all tests.
  static std::string keptFolder() { return testing::TempDir() + "/lmopt-fitted-" + std::to_string(::getpid()); }
  static std::string kept() {
    std::filesystem::create_directories(keptFolder());
    return keptFolder() + "/" + GetParam();
  }

  /// `{}` stands for stats=..., and for base=... of the passes that read weights.
  LogicalResult rewrite(ModuleOp module, std::string passes) {
    for (size_t at; (at = passes.find("{}")) != std::string::npos;)
      passes.replace(at, 2, "stats=" + stats);
    for (size_t at; (at = passes.find("BASE")) != std::string::npos;)
      passes.replace(at, 4, "base=" + model.baseDirectory);
    PassManager manager(&context);
    std::string error;
    EXPECT_TRUE(succeeded(addPassPipeline(manager, passes, error))) << error;
    return manager.run(module);
  }

  OwningOpRef<ModuleOp> rewritten(const std::string &passes) {
    OwningOpRef<ModuleOp> module = model.module->clone();
    EXPECT_TRUE(succeeded(rewrite(*module, passes))) << passes;
    return module;
  }

  static std::string print(ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream(text) << module;
    return text;
  }

  /// Relative error of all that the fixture's cases give, to the model as imported.
  double errorOfResults(const std::string &passes) {
    std::vector<float> exact, found;
    for (const fixture::Case &one : fixture.cases)
      fixture::append(exact, interpret(one));
    OwningOpRef<ModuleOp> imported = std::exchange(model.module, rewritten(passes));
    for (const fixture::Case &one : fixture.cases)
      fixture::append(found, interpret(one));
    model.module = std::move(imported);
    return relativeError(found, exact);
  }

  /// All codes of the model's int8 weights after these passes.
  std::vector<int> codesAfter(const std::string &passes) {
    OwningOpRef<ModuleOp> module = rewritten(passes);
    lm::WeightReader reader(model.baseDirectory);
    std::vector<int> codes;
    for (lm::ParamOp param : module->getOps<lm::ParamOp>())
      if (isa<lm::Int8Type>(param.getType())) {
        FailureOr<lm::WeightData> data = reader.read(param);
        EXPECT_TRUE(succeeded(data));
        codes.insert(codes.end(), data->s8.begin(), data->s8.end());
      }
    return codes;
  }

  std::string errorOf(ModuleOp module, const std::string &passes) {
    return fixture::CalibratedModel::errorOf([&] { EXPECT_TRUE(failed(rewrite(module, passes))); });
  }

  std::string stats;
};

// Each pass alone and all of them: what undoes itself leaves the statistics valid.
TEST_P(FittedFixtures, SeesThroughExactRewrites) {
  for (const char *before :
       {"", "lm-rotate{block=8},", "lm-normalize-rope,lm-fold-attention-scale,", "lm-migrate-scales{BASE {}},",
        "lm-migrate-scales{BASE {}},lm-rotate{block=16},", "lm-migrate-scales{BASE {} search=int4},",
        "lm-normalize-rope,lm-fold-attention-scale,lm-migrate-scales{BASE {} size=rms},lm-rotate{block=16},"}) {
    std::string text = print(*rewritten(std::string(before) + "lm-quantize-weights{{}}"));
    EXPECT_NE(text.find("fit = <"), std::string::npos) << before;
    EXPECT_EQ(text.find("rotated = ") != std::string::npos, StringRef(before).contains("rotate")) << before;
  }
  // What was quantized before is seen through, too: here the layers, and then the rest.
  rewritten("lm-quantize-weights{layers=layers.0.* {}},lm-quantize-weights{{}}");
  rewritten("lm-quantize-codebook{layers=layers.0.* entries=256 {}},lm-quantize-codebook{entries=256 {}}");
}

// What changes a value otherwise is refused: the norms lose their scales.
TEST_P(FittedFixtures, RefusesFoldedNorms) {
  OwningOpRef<ModuleOp> module = rewritten("lm-fold-norm-affine");
  if (print(*module) == print(*model.module))
    GTEST_SKIP() << "nothing to fold";
  EXPECT_NE(errorOf(*module, "lm-quantize-weights{{}}").find("computed otherwise"), std::string::npos);
}

// The moments of a rewritten model's values are those that are measured of them: nearly the same codes follow. Some
// weights lie within what is measured differently of a half, and then what follows them differs.
TEST_P(FittedFixtures, DerivedMomentsAreMeasured) {
  const std::string exact = "lm-migrate-scales{BASE {}},lm-rotate{block=16}";
  std::vector<int> derived = codesAfter(exact + ",lm-quantize-weights{{}}");
  std::vector<int> nearest = codesAfter(exact + ",lm-quantize-weights");
  OwningOpRef<ModuleOp> imported = std::exchange(model.module, rewritten(exact));
  stats = folder + "/anew";
  run(settings("anew", 1 << 30));
  std::vector<int> measured = codesAfter("lm-quantize-weights{{}}");
  model.module = std::move(imported);
  ASSERT_EQ(derived.size(), measured.size());
  auto differ = [&](const std::vector<int> &a, const std::vector<int> &b) {
    size_t count = 0;
    for (size_t i = 0; i < a.size(); ++i)
      count += a[i] != b[i];
    return double(count) / double(a.size());
  };
  EXPECT_LT(differ(derived, measured), 0.1 * differ(derived, nearest));
}

// On the text that the statistics are of. The table that head and embedding share is left out: it is fitted to what the
// head reads, and of so few tokens the embedding loses more than the head gains.
TEST_P(FittedFixtures, LosesLessThanToNearest) {
  for (const char *passes :
       {"lm-quantize-weights{layers=layers.*", "lm-rotate{block=16},lm-quantize-weights{layers=layers.*",
        "lm-quantize-groups{layers=layers.* min=true", "lm-quantize-groups{layers=layers.* bits=4",
        "lm-quantize-codebook{layers=layers.* entries=16", "lm-quantize-codebook{layers=layers.* entries=8",
        "lm-quantize-codebook{layers=layers.* entries=256"}) {
    double nearest = errorOfResults(std::string(passes) + "}");
    EXPECT_LE(errorOfResults(std::string(passes) + " {}}"), nearest) << passes;
  }
}

// Each channel is multiplied by two numbers whose product is 1 within 2^-23.
TEST_P(FittedFixtures, MigrationChangesNothing) {
  for (const char *options : {"", " alpha=1", " alpha=0 size=rms", " size=rms alpha=0.7", " search=int4 size=rms"}) {
    std::string passes = std::string("lm-migrate-scales{BASE {}") + options + "}";
    EXPECT_LT(errorOfResults(passes), 1e-5) << options;
    EXPECT_EQ(print(*rewritten(passes)), print(*rewritten(passes)));
  }
}

// With a step that hides nothing (4 bits) scales that were searched lose no more than none; a matrix of a fixture has
// few columns and outliers, so that to gain is not certain.
TEST_P(FittedFixtures, SearchedScalesLoseNoMore) {
  for (std::string form : {"int4", "int4-min"}) {
    std::string rounded = "lm-quantize-groups{layers=layers.*" + std::string(form == "int4" ? "}" : " min=true}");
    OwningOpRef<ModuleOp> module = rewritten("lm-migrate-scales{BASE {} size=rms search=" + form + "}");
    double with = errorOfResults("lm-migrate-scales{BASE {} size=rms search=" + form + "}," + rounded);
    EXPECT_LE(with, 1.05 * errorOfResults(rounded)) << form;
  }
}

// alpha = 1: every channel is measured as large as every other; through attention, over the heads that share it.
TEST_P(FittedFixtures, MigrationEvensWhatIsMeasured) {
  OwningOpRef<ModuleOp> imported =
      std::exchange(model.module, rewritten("lm-migrate-scales{BASE {} alpha=1 size=rms}"));
  if (print(*model.module) == print(*imported))
    GTEST_SKIP() << "nothing migrates";
  stats = folder + "/anew";
  run(settings("anew", 1 << 30));
  FailureOr<lm::Statistics> measured = lm::Statistics::open(*model.module, stats);
  ASSERT_TRUE(succeeded(measured));
  for (const lm::ObservedValue &value : lm::findObservedValues(*model.module, allLayers())) {
    FailureOr<lm::ValueStatistics> sums = measured->read(value);
    ASSERT_TRUE(succeeded(sums));
    if (!value.times) // not migrated
      continue;
    std::map<float, std::vector<double>> alike; // channels of one scale
    auto times = cast<DenseElementsAttr>(value.times).getValues<float>();
    for (int64_t i = 0; i < value.width(); ++i)
      alike[times[static_cast<size_t>(i)]].push_back(sums->product(i, i) / double(sums->tokens));
    for (const auto &[scale, squares] : alike)
      EXPECT_NEAR(std::accumulate(squares.begin(), squares.end(), 0.0) / double(squares.size()), 1, 1e-3) << value.name;
  }
  model.module = std::move(imported);
}

TEST_P(FittedFixtures, BadOptions) {
  OwningOpRef<ModuleOp> module = model.module->clone();
  for (const char *pass : {"lm-quantize-weights", "lm-quantize-groups", "lm-quantize-codebook"}) {
    EXPECT_NE(errorOf(*module, std::string(pass) + "{{} damping=0}").find("'damping' must be positive"),
              std::string::npos);
    EXPECT_NE(errorOf(*module, std::string(pass) + "{stats=missing}").find("missing"), std::string::npos);
  }
  EXPECT_NE(errorOf(*module, "lm-migrate-scales").find("option 'stats' is missing"), std::string::npos);
  EXPECT_NE(errorOf(*module, "lm-migrate-scales{{} alpha=1.5}").find("'alpha' must be from 0 to 1, found 1.5"),
            std::string::npos);
  EXPECT_NE(errorOf(*module, "lm-migrate-scales{{} size=mean}").find("'size' must be max or rms, found 'mean'"),
            std::string::npos);
  EXPECT_NE(errorOf(*module, "lm-migrate-scales{{} search=int5}").find("'search' must be int8, int4 or int4-min"),
            std::string::npos);
  EXPECT_NE(errorOf(*module, "lm-migrate-scales{{} search=int4 alpha=0.5}").find("'alpha' does not go with 'search'"),
            std::string::npos);
  EXPECT_NE(errorOf(*module, "lm-migrate-scales{{} search=int4 group=48}").find("'group' must be 32, 64 or 128"),
            std::string::npos);
  EXPECT_NE(errorOf(*module, "lm-migrate-scales{{} layers=layer.*}").find("matches none"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Models, FittedFixtures, testing::Values("llama-gqa-9-3", "gguf-q4_1", "bert-mean"),
                         fixture::parameterName);

} // namespace
