// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention over few projected keys and values. In: lm.attention of encoders. Out: lm.attention ... project, with
// params for learned matrices. From techniques 9.6; Wang et al. 2020. Cost: none but reading the header of a file.
// Tested by test/passes/project-attention and test/unit/models/ProjectAttentionTest.cpp.
#include "passes/project-attention/ProjectAttention.h"

#include "dialects/lm/Lm.h"
#include "files/safetensors/Safetensors.h"
#include "passes/analysis/LayerSelection.h"
#include "passes/analysis/ParamUses.h"
#include "passes/analysis/Tell.h"

#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/FileSystem.h"

#include <map>

using namespace mlir;

namespace lmopt::lm {

#define GEN_PASS_DEF_LMPROJECTATTENTIONPASS
#include "passes/project-attention/ProjectAttention.h.inc"

static constexpr llvm::StringLiteral kPass = "lm-project-attention";
static constexpr int64_t kMostRows = 65536; // of #lm.projection
static constexpr llvm::StringLiteral kPart = "*";

namespace {

struct ProjectAttention : impl::LmProjectAttentionPassBase<ProjectAttention> {
  using LmProjectAttentionPassBase::LmProjectAttentionPassBase;

  void runOnOperation() override {
    made.clear();
    if (failed(projectAll()))
      signalPassFailure();
  }

  LogicalResult projectAll() {
    ModuleOp module = getOperation();
    if (failed(checkOptions(module)))
      return failure();
    FailureOr<LayerSelection> selection = LayerSelection::create(module, layers, skip, Selectable::Attentions);
    if (failed(selection))
      return failure();
    std::vector<AttentionOp> chosen;
    for (AttentionOp attention : findOps<AttentionOp>(module))
      if (selection->contains(attention) && !isProjected(attention))
        chosen.push_back(attention);
    for (AttentionOp attention : chosen)
      if (failed(checkAttention(attention)))
        return failure();
    return weights.empty() ? useMeans(chosen) : useMatrices(module, chosen);
  }

  LogicalResult checkOptions(ModuleOp module) {
    auto error = [&] { return module.emitError() << kPass << ": option "; };
    if (weights.empty() && rank == -1)
      return error()
             << "'rank' is missing; expected how many keys and values are left of a text, or a file of 'weights'";
    if (rank != -1 && (rank < 1 || rank > kMostRows))
      return error() << "'rank' must be from 1 to " << kMostRows << ", found " << rank.getValue();
    bool areNamed = keys != LmProjectAttentionPassOptions().keys || values != LmProjectAttentionPassOptions().values;
    if (weights.empty() && areNamed)
      return error() << "'keys' and 'values' are names in the file of 'weights', which is missing";
    if (keys.empty() || values.empty())
      return error() << "'keys' and 'values' must be names of tensors, found '" << keys.getValue() << "' and '"
                     << values.getValue() << "'";
    return success();
  }

  static bool isProjected(AttentionOp attention) {
    if (attention.getProjection())
      tellMissed(kPass, "NotProjected", attention, "it is projected already");
    return bool(attention.getProjection());
  }

  static LogicalResult checkAttention(AttentionOp attention) {
    StringRef reason = attention.getCache() || attention.isCausal()
                           ? "its mask is causal: rows of a projection are of tokens that a query must not see"
                       : attention.getWindow()   ? "its mask is a window, in which rows of a projection have no place"
                       : attention.getRopeAttr() ? "rotary positions turn its keys one by one"
                       : attention.getPositionBiasAttr() ? "its scores have a bias of the distance to each token"
                                                         : "";
    if (reason.empty())
      return success();
    return attention.emitError() << kPass << ": '" << getPartName(attention) << "' cannot be projected: " << reason
                                 << "; leave it out with 'skip'";
  }

  //===--- Means ---===//

  LogicalResult useMeans(ArrayRef<AttentionOp> chosen) {
    for (AttentionOp attention : chosen) {
      attention.setProjectionAttr(ProjectionAttr::get(&getContext(), ProjectionKind::means, rank));
      tell(attention);
    }
    return success();
  }

  static void tell(AttentionOp attention) {
    ProjectionAttr projection = attention.getProjectionAttr();
    tellPassed(kPass, "ProjectedAttention", attention)
        << remark::metric("Kind", stringifyProjectionKind(projection.getKind()).str())
        << remark::metric("Rank", projection.getRank());
  }

  //===--- Matrices ---===//

  std::map<std::string, ParamOp> made; ///< by the name in the file

  LogicalResult useMatrices(ModuleOp module, ArrayRef<AttentionOp> chosen) {
    llvm::SmallString<128> path(weights.getValue());
    llvm::sys::fs::make_absolute(path);
    Result<SafetensorsFile> file = SafetensorsFile::open(path.str().str());
    if (!file)
      return module.emitError() << kPass << ": option 'weights': " << file.error().message;
    for (AttentionOp attention : chosen)
      if (failed(useMatrices(attention, *file)))
        return failure();
    return lowerLimit(module, chosen);
  }

  LogicalResult useMatrices(AttentionOp attention, const SafetensorsFile &file) {
    FailureOr<ParamOp> key = matrix(attention, keys, file), value = matrix(attention, values, file);
    if (failed(key) || failed(value))
      return failure();
    SmallVector<int64_t> shape = key->getShape();
    if (shape != value->getShape())
      return attention.emitError() << kPass << ": '" << getPartName(attention)
                                   << "': matrices of keys and values must be "
                                   << "of one shape, but '" << nameIn(attention, keys) << "' is " << shape[0] << "x"
                                   << shape[1] << " and '" << nameIn(attention, values) << "' " << value->getShape()[0]
                                   << "x" << value->getShape()[1];
    attention.setProjectionAttr(ProjectionAttr::get(&getContext(), ProjectionKind::learned, shape[0]));
    attention.setKeyProjectionAttr(FlatSymbolRefAttr::get(key->getSymNameAttr()));
    attention.setValueProjectionAttr(FlatSymbolRefAttr::get(value->getSymNameAttr()));
    tell(attention);
    return success();
  }

  static std::string nameIn(AttentionOp attention, StringRef pattern) {
    auto [before, after] = pattern.split(kPart);
    return before.size() == pattern.size() ? pattern.str() : (before + getPartName(attention) + after).str();
  }

  FailureOr<ParamOp> matrix(AttentionOp attention, StringRef pattern, const SafetensorsFile &file) {
    std::string name = nameIn(attention, pattern);
    if (auto known = made.find(name); known != made.end())
      return known->second;
    const SafetensorsTensor *tensor = file.findTensor(name);
    if (!tensor)
      return refuse(attention, file) << "has no tensor '" << name << "'; expected the matrix that projects its "
                                     << (pattern == keys.getValue() ? "keys" : "values") << ", see 'keys' and 'values'";
    std::optional<SafetensorsFormat> format = symbolizeSafetensorsFormat(llvm::StringRef(tensor->type->name).lower());
    if (!format || *format == SafetensorsFormat::i8 || tensor->shape.size() != 2)
      return refuse(attention, file) << "tensor '" << name << "': expected a matrix of F32, F16 or BF16, but found "
                                     << llvm::StringRef(tensor->type->name) << " with " << tensor->shape.size()
                                     << " dimensions";
    if (failed(checkShape(attention, file, *tensor)))
      return failure();
    return made[name] = makeParam(attention, file, *tensor, *format);
  }

  InFlightDiagnostic refuse(AttentionOp attention, const SafetensorsFile &file) {
    return attention.emitError() << kPass << ": '" << getPartName(attention) << "': " << file.path() << ": ";
  }

  LogicalResult checkShape(AttentionOp attention, const SafetensorsFile &file, const SafetensorsTensor &tensor) {
    int64_t rows = tensor.shape[0], columns = tensor.shape[1];
    if (rows < 1 || rows > kMostRows || columns < 1 || (rank != -1 && rows != rank))
      return refuse(attention, file) << "tensor '" << tensor.name << "' is " << rows << "x" << columns << "; expected "
                                     << (rank != -1 ? std::to_string(rank) : "1 to " + std::to_string(kMostRows))
                                     << " rows and a column for each token";
    return success();
  }

  ParamOp makeParam(AttentionOp attention, const SafetensorsFile &file, const SafetensorsTensor &tensor,
                    SafetensorsFormat format) {
    OpBuilder builder(attention->getParentOfType<FunctionOpInterface>());
    auto type = RankedTensorType::get(tensor.shape, builder.getF32Type());
    ParamOp param = ParamOp::create(builder, attention.getLoc(), freeParamName(getOperation(), tensor.name), type,
                                    SafetensorsAttr::get(&getContext(), file.path(), tensor.name, format));
    param.setExactnessAttr(ExactnessAttr::get(&getContext(), ExactnessKind::trained, std::nullopt));
    return param;
  }

  /// A text has at most as many tokens as the matrices have columns: what reports of the model look at.
  static LogicalResult lowerLimit(ModuleOp module, ArrayRef<AttentionOp> chosen) {
    auto config = module->getAttrOfType<DictionaryAttr>("lm.config");
    auto positions = config ? config.getAs<IntegerAttr>("max_positions") : IntegerAttr();
    if (!positions)
      return success();
    int64_t limit = positions.getInt();
    for (AttentionOp attention : chosen)
      limit = std::min(limit, attention.getPositionLimit().value_or(limit));
    NamedAttrList changed(config);
    changed.set("max_positions", IntegerAttr::get(positions.getType(), limit));
    module->setAttr("lm.config", changed.getDictionary(module.getContext()));
    return success();
  }
};

} // namespace

} // namespace lmopt::lm
