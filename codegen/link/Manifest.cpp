// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The manifest; see Manifest.h. Objects print their keys sorted, so that the same model gives the same bytes.
#include "codegen/link/Manifest.h"

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

json::Object weightEntry(const lower::PackedWeight &weight) {
  json::Object entry{{"bytes", weight.bytes()}, {"offset", weight.offset}, {"format", weight.layout->describe()}};
  if (weight.params.empty())
    entry["name"] = "rope";
  else
    entry["name"] = lm::ParamOp(weight.params[0]).getSymName().str();
  if (weight.params.empty())
    return entry;
  lm::ParamOp param = weight.params[0];
  json::Array shape;
  for (int64_t size : param.getShape())
    shape.push_back(size);
  entry["shape"] = std::move(shape);
  if (weight.params.size() > 1)
    entry["bias"] = lm::ParamOp(weight.params[1]).getSymName().str();
  std::string exactness = "exact";
  if (auto attribute = param.getExactnessAttr())
    exactness = lm::stringifyExactnessKind(attribute.getKind()).str();
  entry["exactness"] = exactness;
  return entry;
}

// Multiplications and additions of one row through one step; those of attention count for each pair of a row and a
// position that it sees.
int64_t flopsPerRow(const lower::Step &step) {
  return step.kind == lower::Step::Linear ? 2 * step.linear.outputs * step.linear.inputs : 0;
}
int64_t flopsPerPair(const lower::Step &step) {
  return step.kind == lower::Step::Attend ? 4 * step.attention.heads * step.attention.headDim : 0;
}

// Bytes of the rows that a step reads and writes, and of the keys and values of one position.
int64_t rowBytes(const lower::Plan &plan, const lower::Step &step) {
  int64_t bytes = 0;
  for (const std::vector<int> *buffers : {&step.inputs, &step.outputs})
    for (int buffer : *buffers)
      bytes += plan.buffers[buffer].rowBytes;
  return bytes;
}
int64_t cacheBytes(const lower::Step &step) {
  return step.kind == lower::Step::Attend ? step.attention.cacheBytesPerPosition() : 0;
}

// The unit that bounds the products of a step, as `lmopt bench --profile` measures it.
const char *unitOf(const lower::Step &step) {
  if (step.kind == lower::Step::Linear)
    return step.linear.integer() || step.linear.grouped() ? "u8s8" : step.linear.bf16() ? "bf16" : "f32";
  if (step.kind == lower::Step::Attend)
    return step.attention.integer() ? "u8s8" : step.attention.bf16() ? "bf16" : "f32";
  return "none";
}

const char *domainName(lower::Domain domain) {
  static const char *const names[] = {"tokens", "outputs", "segments"};
  return names[static_cast<int>(domain)];
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
                                                            {LMOPT_ISA_AVX512VBMI, "avx512vbmi"}};
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

json::Array inputList(const lower::Plan &plan) {
  json::Array inputs;
  for (const lower::NamedInput &input : plan.inputs)
    inputs.push_back(json::Object{{"name", input.name}, {"limit", input.limit}});
  return inputs;
}

json::Array resultList(const lower::Plan &plan) {
  json::Array results;
  for (const lower::NamedResult &result : plan.results)
    results.push_back(
        json::Object{{"name", result.name}, {"rows", domainName(result.domain)}, {"width", result.width}});
  return results;
}

json::Array stepList(const lower::LoweredModel &lowered) {
  json::Array steps;
  for (size_t i = 0; i < lowered.plan.steps.size(); ++i) {
    const lower::Step &step = lowered.plan.steps[i];
    int64_t bytes = 0;
    for (int weight : step.weights)
      if (step.kind == lower::Step::Linear)
        bytes += lowered.plan.weights[weight].bytes();
    json::Object entry{{"name", step.name},
                       {"kernel", lowered.kernels[i]},
                       {"rows", domainName(step.domain)},
                       {"unit", unitOf(step)},
                       {"row_bytes", rowBytes(lowered.plan, step)},
                       {"cache_bytes_per_position", cacheBytes(step)},
                       {"flops_per_row", flopsPerRow(step)},
                       {"flops_per_pair", flopsPerPair(step)},
                       {"weight_bytes", bytes}};
    if (!lowered.decodeKernels.empty() && lowered.decodeKernels[i] != lowered.kernels[i])
      entry["decode_kernel"] = lowered.decodeKernels[i];
    steps.push_back(std::move(entry));
  }
  return steps;
}
} // namespace

std::string makeManifest(ModuleOp module, const lower::LoweredModel &lowered, const std::vector<cpu::Target> &versions,
                         const CompileOptions &options) {
  const lower::Plan &plan = lowered.plan;
  json::Object manifest{{"schema", 1},
                        {"lmopt_version", LMOPT_VERSION},
                        {"abi", static_cast<int64_t>(LMOPT_ABI_VERSION)},
                        {"kind", plan.decoder ? "decoder" : "encoder"},
                        {"architecture", plan.architecture},
                        {"vocabulary", plan.vocabulary},
                        {"inputs", inputList(plan)},
                        {"results", resultList(plan)},
                        {"max_positions", plan.maxPositions},
                        {"rope_switch", plan.ropeSwitch},
                        {"weight_bytes", plan.weightBytes},
                        {"cache_bytes_per_position", plan.cacheBytesPerPosition},
                        {"arena_bytes", lowered.arenaBytes},
                        {"arena_bytes_per_thread", lowered.threadBytes},
                        {"prefill_rows", lowered.prefillRows},
                        {"decode_rows", lowered.decodeRows},
                        {"barriers_prefill", lowered.barriersPrefill},
                        {"barriers_decode", lowered.barriersDecode},
                        {"steps", stepList(lowered)}};
  manifest["target"] = targetEntry(versions.back());
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
  for (const lower::PackedWeight &weight : plan.weights)
    weights.push_back(weightEntry(weight));
  manifest["weights"] = std::move(weights);
  std::string text;
  llvm::raw_string_ostream(text) << llvm::formatv("{0:2}", json::Value(std::move(manifest)));
  return text + "\n";
}

} // namespace lmopt::link
