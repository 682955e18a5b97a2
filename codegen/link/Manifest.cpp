// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The manifest; see Manifest.h. Objects print their keys sorted, so that the same model gives the same bytes.
#include "codegen/link/Manifest.h"

#include "codegen/cpu/Cpu.h"
#include "codegen/link/CodeTable.h"
#include "codegen/ptx/Launches.h"
#include "dialects/lm/attention/Attention.h"
#include "dialects/lm/interfaces/Step.h"
#include "dialects/lm/param/Param.h"

#include "lmopt/abi.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace mlir;

namespace lmopt::link {

namespace {

namespace json = llvm::json;

json::Value toJson(Attribute attribute) {
  if (auto dictionary = dyn_cast<DictionaryAttr>(attribute)) {
    json::Object object;
    for (NamedAttribute entry : dictionary)
      object[entry.getName().getValue()] = toJson(entry.getValue());
    return object;
  }
  if (auto list = dyn_cast<ArrayAttr>(attribute)) {
    json::Array array;
    for (Attribute element : list)
      array.push_back(toJson(element));
    return array;
  }
  if (auto text = dyn_cast<StringAttr>(attribute))
    return text.getValue().str();
  if (auto flag = dyn_cast<BoolAttr>(attribute))
    return flag.getValue();
  if (auto number = dyn_cast<IntegerAttr>(attribute))
    return number.getInt();
  if (auto number = dyn_cast<FloatAttr>(attribute))
    return number.getValueAsDouble();
  std::string text;
  llvm::raw_string_ostream(text) << attribute;
  return text;
}

json::Object weightEntry(plan::WeightOp weight) {
  json::Object entry{{"bytes", weight.getBytes()},
                     {"offset", static_cast<int64_t>(weight.getOffset())},
                     {"format", weight.getLayout().describe()}};
  if (weight.getParams().empty()) {
    entry["name"] = weight.getSymName().split('.').first.str();
    return entry;
  }
  auto name = [&](size_t number) { return cast<FlatSymbolRefAttr>(weight.getParams()[number]); };
  lm::ParamOp param = lm::lookupParam(weight, name(0));
  entry["name"] = param.getSymName().str();
  json::Array shape;
  for (int64_t size : param.getShape())
    shape.push_back(size);
  entry["shape"] = std::move(shape);
  if (weight.getParams().size() > 1)
    entry["bias"] = name(1).getValue().str();
  std::string exactness = "exact";
  if (auto attribute = param.getExactnessAttr())
    exactness = lm::stringifyExactnessKind(attribute.getKind()).str();
  entry["exactness"] = exactness;
  return entry;
}

/// What the target says of a step's op.
struct TargetFacts {
  StringRef unit = "none";
  int64_t stateBytes = 0;
};
TargetFacts factsOf(plan::StepOp step, lower::Machine machine) {
  if (machine == lower::Machine::Cuda) {
    nvptx::KernelOpInterface kernel = nvptx::kernelOf(step);
    plan::StepOp maker = plan::stateMaker(step); // who reads a cache reads what its maker keeps
    return {kernel.getUnit(), maker ? nvptx::kernelOf(maker).getStateBytes(maker) : kernel.getStateBytes(step)};
  }
  cpu::KernelOpInterface kernel = cpu::kernelOf(step);
  return {kernel.getUnit(), kernel.getStateBytes()};
}

/// How many positions a row of attention sees at most; 0: all.
int64_t windowOf(plan::StepOp step) {
  auto attend = step.isKernel() ? dyn_cast<lm::AttendOp>(step.getKernelOp()) : lm::AttendOp();
  if (!attend || !attend.getWindow())
    return 0;
  auto window = static_cast<int64_t>(attend.getWindow());
  return attend.isCausal() ? window : 2 * window + 1;
}

// What a step costs, by the facts of its op. Row-wise steps count as nothing beside products.
json::Object stepEntry(plan::StepOp step, lower::Machine machine) {
  int64_t bytes = 0, weights = 0, state = 0;
  for (Value rows : llvm::concat<Value>(step.getRowInputs(), step.getRowResults()))
    bytes += machine == lower::Machine::Cuda ? nvptx::rowStride(rows) : cpu::rowStride(rows);
  json::Object entry{{"name", step.getPart().str()},
                     {"kernel", step.getKernel()->str()},
                     {"rows", plan::stringifyDomain(step.getDomain()).str()},
                     {"row_bytes", bytes}};
  lm::Cost cost;
  StringRef unit = "none";
  if (step.isKernel()) {
    TargetFacts facts = factsOf(step, machine);
    cost = cast<lm::StepOpInterface>(step.getKernelOp()).getCost();
    unit = facts.unit;
    state = cost.flopsPerPair ? facts.stateBytes : 0; // of a position that is looked at
    for (Attribute symbol : step.getWeights())
      if (plan::WeightOp weight = plan::lookupWeight(step, symbol); !weight.getParams().empty())
        weights += weight.getBytes();
  }
  entry["unit"] = unit.str();
  entry["cache_bytes_per_position"] = state;
  entry["flops_per_row"] = cost.flopsPerRow;
  entry["flops_per_pair"] = cost.flopsPerPair;
  if (int64_t window = windowOf(step)) // pairs and positions are no more for a row
    entry["window"] = window;
  entry["weight_bytes"] = weights;
  if (cost.weightShare < 1) // one row's; several may read others
    entry["weight_share"] = cost.weightShare;
  return entry;
}

/// On GPUs: numbers of the kernels that a step launches, in order.
void addLaunches(plan::StepOp step, StringRef key, json::Object &entry) {
  if (auto launches = step->getAttrOfType<DenseI64ArrayAttr>(nvptx::kLaunchesAttribute))
    entry[key] = json::Array(launches.asArrayRef());
}

json::Array isaNames(uint64_t isa) {
  static const std::pair<uint64_t, const char *> names[] = {{LMOPT_ISA_SSE42, "sse4.2"},
                                                            {LMOPT_ISA_AVX, "avx"},
                                                            {LMOPT_ISA_AVX2, "avx2"},
                                                            {LMOPT_ISA_FMA, "fma"},
                                                            {LMOPT_ISA_F16C, "f16c"},
                                                            {LMOPT_ISA_BMI2, "bmi2"},
                                                            {LMOPT_ISA_AVX512F, "avx512f"},
                                                            {LMOPT_ISA_AVX512BW, "avx512bw"},
                                                            {LMOPT_ISA_AVX512VL, "avx512vl"},
                                                            {LMOPT_ISA_AVX512DQ, "avx512dq"},
                                                            {LMOPT_ISA_AVX512VNNI, "avx512vnni"},
                                                            {LMOPT_ISA_AVX512BF16, "avx512bf16"},
                                                            {LMOPT_ISA_AVXVNNI, "avxvnni"},
                                                            {LMOPT_ISA_AVX512VBMI, "avx512vbmi"},
                                                            {LMOPT_ISA_AVX512VBMI2, "avx512vbmi2"}};
  json::Array array;
  for (auto [bit, name] : names)
    if (isa & bit)
      array.push_back(name);
  return array;
}

json::Object targetEntry(const cpu::Target &target) {
  const cpu::Spelling &spelling = target.spelling;
  json::Object entry{
      {"cpu", target.shape.cpu}, {"dot", cpu::dotIsaName(spelling.dot)}, {"isa", isaNames(spelling.isa)}};
  if (!target.native())
    entry["spelled_for"] = spelling.cpu;
  return entry;
}

/// The architectures whose kernels are there, as text and as what ptxas made of it.
json::Object deviceEntry(const lower::LoweredModel &lowered) {
  json::Array texts, binaries;
  for (const auto &[name, bytes] : lowered.images) {
    auto [kind, architecture] = StringRef(name).split('.');
    if (kind == "ptx")
      texts.push_back(architecture);
    if (kind == "cubin")
      binaries.push_back(architecture);
  }
  return json::Object{{"device", "cuda"}, {"ptx", std::move(texts)}, {"cubin", std::move(binaries)}};
}

json::Array inputList(const lower::ModelFacts &facts) {
  json::Array inputs;
  for (const lower::NamedInput &input : facts.inputs)
    inputs.push_back(json::Object{{"name", input.name}, {"limit", input.limit}});
  return inputs;
}

json::Array resultList(const lower::ModelFacts &facts) {
  json::Array results;
  for (const lower::NamedResult &result : facts.results)
    results.push_back(json::Object{
        {"name", result.name}, {"rows", plan::stringifyDomain(result.domain).str()}, {"width", result.width}});
  return results;
}

json::Array stepList(const lower::LoweredModel &lowered) {
  json::Array entries;
  SmallVector<plan::ProgramOp> programs = lowered.programs();
  plan::ProgramOp last = programs.size() > 1 ? programs[1] : programs[0]; // decode; decode_top is told by "top"
  SmallVector<plan::StepOp> steps = plan::stepsOf(programs.front()), decode = plan::stepsOf(last);
  for (auto [step, few] : llvm::zip_equal(steps, decode)) {
    json::Object entry = stepEntry(step, lowered.facts.machine);
    if (few.getKernel() != step.getKernel())
      entry["decode_kernel"] = few.getKernel()->str();
    addLaunches(step, "launches", entry);
    if (last != programs.front())
      addLaunches(few, "decode_launches", entry);
    entries.push_back(std::move(entry));
  }
  return entries;
}
} // namespace

std::string makeManifest(ModuleOp module, const lower::LoweredModel &lowered, const std::vector<cpu::Target> &versions,
                         const CompileOptions &options) {
  const lower::ModelFacts &facts = lowered.facts;
  json::Object manifest{{"schema", 1},
                        {"lmopt_version", LMOPT_VERSION},
                        {"abi", static_cast<int64_t>(abiVersion(facts))},
                        {"kind", facts.decoder ? "decoder" : "encoder"},
                        {"architecture", facts.architecture},
                        {"vocabulary", facts.vocabulary},
                        {"inputs", inputList(facts)},
                        {"results", resultList(facts)},
                        {"max_positions", facts.maxPositions},
                        {"rope_switch", facts.ropeSwitch},
                        {"weight_bytes", facts.weightBytes},
                        {"cache_bytes_per_position", facts.cacheBytesPerPosition},
                        {"arena_bytes", facts.arenaBytes},
                        {"arena_bytes_per_thread", facts.threadBytes},
                        {"prefill_rows", facts.prefillRows},
                        {"decode_rows", facts.decodeRows},
                        {"barriers_prefill", facts.waitsPrefill},
                        {"barriers_decode", facts.waitsDecode},
                        {"steps", stepList(lowered)}};
  if (facts.machine == lower::Machine::Cuda) {
    manifest["launches_prefill"] = facts.launchesPrefill;
    manifest["launches_decode"] = facts.launchesDecode;
  }
  if (facts.ringPositions) {
    manifest["ring_positions"] = facts.ringPositions;
    manifest["ring_bytes_per_position"] = facts.ringBytesPerPosition;
  }
  if (facts.stateBytesPerSequence)
    manifest["state_bytes_per_sequence"] = facts.stateBytesPerSequence;
  if (facts.top)
    manifest["top"] = facts.top;
  manifest["target"] = facts.machine == lower::Machine::Cuda ? deviceEntry(lowered) : targetEntry(versions.back());
  if (versions.size() > 1) {
    json::Array entries;
    for (const cpu::Target &version : versions)
      entries.push_back(targetEntry(version));
    manifest["versions"] = std::move(entries);
  }
  for (NamedAttribute attribute : module->getDiscardableAttrs())
    if (attribute.getName().strref() == "lm.config" || attribute.getName().strref() == "lm.source")
      manifest[attribute.getName().strref().drop_front(3)] = toJson(attribute.getValue());
  if (llvm::Expected<json::Value> recipe = json::parse(options.recipe))
    manifest["recipe"] = std::move(*recipe);
  else
    llvm::consumeError(recipe.takeError());
  json::Array weights;
  for (plan::WeightOp weight : lowered.weights())
    weights.push_back(weightEntry(weight));
  manifest["weights"] = std::move(weights);
  std::string text;
  llvm::raw_string_ostream(text) << llvm::formatv("{0:2}", json::Value(std::move(manifest)));
  return text + "\n";
}

} // namespace lmopt::link
