// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The elementary functions of VectorMath.cpp against libm's double functions, over every magnitude that a float has and
// densely where the functions bend. The bounds asserted are the ones that VectorMath.cpp states.
#include "test/unit/codegen/KernelHarness.h"

#include "gtest/gtest.h"

#include <cfloat>
#include <cmath>
#include <cstring>

using namespace lmopt;
using test::Memory;

namespace {

// Bits of floats of both signs in even steps (all exponents), then a dense line through [-100, 100].
std::vector<float> samples() {
  std::vector<float> xs = {0.0f, -0.0f, INFINITY, -INFINITY, FLT_MAX, -FLT_MAX, FLT_MIN, -FLT_MIN};
  for (uint64_t bits = 0; bits < 0x7f800000u; bits += 9973)
    for (uint32_t sign : {0u, 0x80000000u}) {
      uint32_t all = static_cast<uint32_t>(bits) | sign;
      float x;
      std::memcpy(&x, &all, 4);
      xs.push_back(x);
    }
  for (int i = -400000; i <= 400000; ++i)
    xs.push_back(i / 4000.0f);
  xs.resize(cpu::roundUp(xs.size(), 16), 1.0f);
  return xs;
}

class VectorMath : public testing::TestWithParam<std::string> {
protected:
  enum { Exp, Erf, Tanh, Sigmoid, Exp2, Exp2ForBf16, Log };

  void SetUp() override {
    harness = std::make_unique<test::KernelHarness>(GetParam());
    if (!harness->runsHere())
      GTEST_SKIP() << "this CPU lacks instructions of " << GetParam();
    using Function = std::function<mlir::Value(cpu::Emitter &, mlir::Value)>;
    const std::pair<const char *, Function> functions[] = {
        {"exp", [](cpu::Emitter &e, mlir::Value x) { return e.exp(x); }},
        {"erf", [](cpu::Emitter &e, mlir::Value x) { return e.erf(x); }},
        {"tanh", [](cpu::Emitter &e, mlir::Value x) { return e.tanh(x); }},
        {"sigmoid", [](cpu::Emitter &e, mlir::Value x) { return e.sigmoid(x); }},
        {"exp2", [](cpu::Emitter &e, mlir::Value x) { return e.exp2(x, false); }},
        {"exp2_bf16", [](cpu::Emitter &e, mlir::Value x) { return e.exp2(x, true); }},
        {"log", [](cpu::Emitter &e, mlir::Value x) { return e.log(x); }}};
    for (const auto &[name, function] : functions)
      harness->add(harness->define(name, 2, 1, [&function = function](cpu::Emitter &e, mlir::ValueRange args) {
        e.loop(e.index(0), args[2], 64, [&](mlir::Value offset) {
          e.store(function(e, e.loadFloats(e.at(args[0], offset))), e.at(args[1], offset));
        });
      }));
    harness->build();
  }

  /// Calls check(x, found) for every sample.
  void forSamples(int function, const std::function<void(float, float)> &check) {
    static const std::vector<float> xs = samples();
    int64_t bytes = 4 * static_cast<int64_t>(xs.size());
    Memory in(bytes), out(bytes);
    std::memcpy(in.data(), xs.data(), bytes);
    harness->call(function, {in, out, bytes});
    for (size_t i = 0; i < xs.size(); ++i)
      check(xs[i], out.floats()[i]);
  }

  /// The largest absolute error; the result must be a number everywhere.
  double worstError(int function, double (*exact)(double)) {
    double worst = 0;
    forSamples(function, [&](float x, float found) {
      double error = std::abs(found - exact(x));
      worst = std::max(worst, std::isnan(error) ? INFINITY : error);
    });
    RecordProperty("worst", std::to_string(worst * 1e9) + "e-9");
    return worst;
  }

  std::unique_ptr<test::KernelHarness> harness;
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST_P(VectorMath, ExpWithinTwoUlpWhereItIsANormalFloat) {
  double worst = 0;
  forSamples(Exp, [&](float x, float found) {
    if (x < -87.33f || x > 88.37f)
      return;
    double exact = std::exp(double(x));
    double ulp = std::ldexp(1.0, std::ilogb(exact) - 23);
    worst = std::max(worst, std::abs(found - exact) / ulp);
  });
  RecordProperty("worst_ulp", std::to_string(worst));
  EXPECT_LE(worst, 2);
}

TEST_P(VectorMath, LogWithinThreeUlpOfNormalFloats) {
  double worst = 0;
  forSamples(Log, [&](float x, float found) {
    if (!(x >= FLT_MIN) || std::isinf(x))
      return;
    double exact = std::log(double(x));
    if (x == 1) {
      ASSERT_EQ(found, 0.0f);
    } else {
      worst = std::max(worst, std::abs(found - exact) / std::ldexp(1.0, std::ilogb(exact) - 23));
    }
  });
  RecordProperty("worst_ulp", std::to_string(worst));
  EXPECT_LE(worst, 3);
}

// What attention and sigmoid rely on: no NaN, no infinity, nearly zero on the far left, exactly one at zero.
TEST_P(VectorMath, ExpStaysFiniteOutside) {
  forSamples(Exp, [&](float x, float found) {
    ASSERT_TRUE(std::isfinite(found) && found > 0) << x;
    if (x < -87.3f) {
      ASSERT_LE(found, 1.3e-38f) << x;
    }
    if (x > 88.38f) {
      ASSERT_GE(found, 2.4e38f) << x;
    }
    if (x == 0) {
      ASSERT_EQ(found, 1.0f);
    }
  });
}

// The weights of a softmax: accurate where they stay floats, to 2^-13 where they become bf16.
TEST_P(VectorMath, Exp2Within) {
  for (auto [function, bound] : {std::pair<int, double>(Exp2, 1.5e-7), {Exp2ForBf16, std::ldexp(1, -13)}}) {
    double worst = 0;
    forSamples(function, [&](float x, float found) {
      if (x > 126)
        return;
      if (x <= -126) {
        ASSERT_EQ(found, 0.0f) << x;
      } else {
        worst = std::max(worst, std::abs(found / std::exp2(double(x)) - 1));
      }
      if (x == 0) {
        ASSERT_EQ(found, 1.0f);
      }
    });
    RecordProperty("worst_relative", std::to_string(worst * 1e9) + "e-9");
    EXPECT_LE(worst, bound);
  }
}

TEST_P(VectorMath, ErfWithin) {
  EXPECT_LE(worstError(Erf, [](double x) { return std::erf(x); }), 6e-7);
}
TEST_P(VectorMath, TanhWithin) {
  EXPECT_LE(worstError(Tanh, [](double x) { return std::tanh(x); }), 2e-7);
}
TEST_P(VectorMath, SigmoidWithin) { EXPECT_LE(worstError(Sigmoid, sigmoid), 1.5e-7); }

TEST_P(VectorMath, OddAndBounded) {
  for (int function : {Erf, Tanh}) {
    forSamples(function, [&](float x, float found) {
      ASSERT_LE(std::abs(found), 1.0f) << x;
      if (x == 0) {
        ASSERT_EQ(found, 0.0f);
      }
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Cpus, VectorMath, testing::Values("native", "x86-64"), test::nameOfCpu);

} // namespace
