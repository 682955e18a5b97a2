// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// See Ptx.h.
#include "codegen/ptx/Ptx.h"

#include "codegen/plan/Rings.h"
#include "codegen/ptx/Rows.h"

#include "lmopt/abi.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lmopt;
using namespace lmopt::nvptx;

#include "codegen/ptx/Interfaces.cpp.inc"
#include "codegen/ptx/PtxDialect.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "codegen/ptx/PtxLayouts.cpp.inc"

void PtxDialect::initialize() { registerAttributes(); }

void PtxDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "codegen/ptx/PtxLayouts.cpp.inc"
      >();
}

// The build lists the models that it finds (codegen/ptx/CMakeLists.txt).
namespace lmopt::nvptx {
#define MODEL(family) void register##family##Models(mlir::DialectRegistry &);
#include "codegen/ptx/PtxModels.inc"
#undef MODEL
} // namespace lmopt::nvptx

void nvptx::registerModels(DialectRegistry &registry) {
#define MODEL(family) register##family##Models(registry);
#include "codegen/ptx/PtxModels.inc"
#undef MODEL
}

//===--- Rows ---===//

static bool isCodes(plan::RowsType rows) { return rows.getElement().isInteger(8); }

int64_t nvptx::paddedRowBytes(plan::RowsType rows) {
  return rowBytes(rows.getWidth(), rows.getElement().getIntOrFloatBitWidth() / 8);
}

static GroupedRow groupsOf(plan::RowsType rows) { return {rows.getWidth(), rows.getGroup()}; }

int64_t nvptx::placedRowBytes(plan::RowsType rows) {
  int64_t numbers = paddedRowBytes(rows);
  if (rows.getGroup())
    return numbers + groupsOf(rows).groupsBytes();
  return numbers + (isCodes(rows) ? 8 : 0);
}

int64_t nvptx::rowStride(Value rows) {
  auto type = cast<plan::RowsType>(rows.getType());
  return plan::getPlace(rows).isResult() ? 4 * type.getWidth() : paddedRowBytes(type);
}

Argument nvptx::placeOf(Value rows, int64_t part) {
  plan::PlaceAttr place = plan::getPlace(rows);
  auto program = plan::getMaker(rows).getOwner()->getParentOfType<plan::ProgramOp>();
  if (place.isResult())
    return {Argument::Result, *plan::resultNumber(program, rows)};
  auto type = cast<plan::RowsType>(rows.getType());
  int64_t offset = place.getOffset();
  if (part) // one array behind the other
    offset += place.getRows() * (paddedRowBytes(type) + 4 * (part - 1));
  return {Argument::Arena, offset};
}

Argument nvptx::rowsOf(plan::StepOp step, Value inside, int64_t part) {
  return placeOf(step.getInputs()[cast<BlockArgument>(inside).getArgNumber()], part);
}

Argument nvptx::tokensOf(Value ids) {
  unsigned number = cast<BlockArgument>(ids).getArgNumber(); // of the program: ids, cache or lengths, further inputs
  return {Argument::Tokens, number ? static_cast<int64_t>(number) - 1 : 0};
}

//===--- Launches ---===//

Argument LaunchBuilder::result(unsigned number) { return placeOf(step.getResult(number)); }

Argument nvptx::weightOf(plan::StepOp step, const plan::PackedUse &use) {
  Attribute symbol = step.getWeights()[plan::weightNumber(step, use)];
  return {Argument::Weights, static_cast<int64_t>(plan::lookupWeight(step, symbol).getOffset())};
}

Argument nvptx::scratchOf(plan::StepOp step, int64_t offset) {
  return {Argument::Arena, static_cast<int64_t>(*step->getParentOfType<plan::ProgramOp>().getScratchOffset()) + offset};
}

int64_t LaunchBuilder::mostRows() {
  return static_cast<int64_t>(*step->getParentOfType<plan::ProgramOp>().getMaxRows());
}
void LaunchBuilder::add(Launch launch) {
  launch.restrictTo(window);
  if (!launch.isNever())
    launches.push_back(std::move(launch));
}

Argument LaunchBuilder::stateOffset() {
  plan::StatePlace place = plan::statePlaceOf(step);
  return Argument::number(LMOPT_DEVICE_CACHE_BLOCK * (place.offset + (place.inRing ? place.allBytes : 0)));
}
Argument LaunchBuilder::stateBlockBytes() {
  plan::StatePlace place = plan::statePlaceOf(step);
  return Argument::number(LMOPT_DEVICE_CACHE_BLOCK * (place.allBytes + (place.inRing ? place.ringBytes : 0)));
}
