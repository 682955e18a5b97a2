// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lower, emit, link; see Compile.h.
#include "codegen/Compile.h"

#include "codegen/cpu/linear/LinearModel.h"
#include "codegen/link/EmitObject.h"
#include "codegen/link/Head.h"
#include "codegen/link/LinkLibrary.h"
#include "codegen/link/Manifest.h"
#include "codegen/link/PackWeights.h"
#include "codegen/link/SectionAppender.h"
#include "files/AtomicFile.h"
#include "lmopt/abi.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <optional>

using namespace mlir;

namespace lmopt {

namespace {

CompileResult resultOf(const Result<void> &result) {
  return result ? CompileResult() : CompileResult{result.error().code, result.error().message};
}

// Whether the disk under `path` has room for a file of this size. lld writes through a mapping, where a full disk is a
// bus error; so what can be known before is asked before. `file` lies where the output will.
Result<void> checkRoom(const AtomicFile &file, const std::string &path, uint64_t bytes) {
  llvm::ErrorOr<llvm::sys::fs::space_info> space = llvm::sys::fs::disk_space(file.temporaryPath());
  if (!space || space->available >= bytes)
    return {};
  return resourceError("cannot write '" + path + "': it needs " + std::to_string(bytes) + " bytes, but the disk has " +
                       std::to_string(space->available));
}

std::string textOf(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream(text) << module;
  return text;
}

class Compiler {
public:
  Compiler(ModuleOp module, const CompileOptions &options, const std::string &output)
      : module(module), options(options), output(output), reader(options.baseDirectory) {}

  CompileResult run() {
    std::string error;
    if (options.target != "cpu")
      return runForDevice();
    if (!cpu::makeTargets(options.targetCpu, options.spellFor, targets, error))
      return {2, (options.spellFor.empty() ? "--target-cpu: " : "--target-cpu, --spell-for: ") + error};
    if (!cpu::storesCodes(module)) // no kernel asks for it, so the artifact must not
      for (cpu::Target &target : targets)
        cpu::giveUp(target.spelling, LMOPT_ISA_AVX512VBMI2);
    if (targets.size() > 1 && (options.stopAfter != CompileStage::Link || !options.dumpDirectory.empty()))
      return {2, "--stop-after and --dump-stages show the code for one CPU; give --target-cpu one name"};
    std::string manifest;
    for (size_t version = 0; version < targets.size(); ++version) {
      if (CompileResult result = lowerVersion(targets[version]); result.code)
        return result;
      if (options.stopAfter == CompileStage::Plan)
        return resultOf(writeFileAtomically(output, textOf(*lowered.plan), OutputKind::Text));
      manifest = link::makeManifest(module, lowered, targets, options); // the last one stays
      if (options.stopAfter == CompileStage::Lower)
        return resultOf(writeFileAtomically(output, textOf(*lowered.module), OutputKind::Text));
      if (options.stopAfter == CompileStage::Emit)
        return writeLlvmIr();
      if (CompileResult result = emitVersion(int(version)); result.code)
        return result;
    }
    if (targets.size() > 1 && !link::emitDispatch(targets, lowered.facts, objects.emplace_back(), error))
      return {1, error};
    FailureOr<std::string> head = link::makeHead(module, lowered.facts);
    return failed(head) ? CompileResult{3, ""} : writeArtifact(manifest, *head);
  }

private:
  ModuleOp module;
  const CompileOptions &options;
  const std::string &output;
  lm::WeightReader reader;
  std::vector<cpu::Target> targets; ///< one for each version of the code, the least demanding first
  lower::LoweredModel lowered;      ///< the version at work
  std::vector<llvm::SmallVector<char>> objects;

  // The host's code is that of any x86-64; what differs from GPU to GPU are images.
  CompileResult runForDevice() {
    std::vector<nvptx::Target> architectures;
    std::string error;
    if (!nvptx::makeTargets(options.target, architectures, error))
      return {2, "--target: " + error};
    if (!options.spellFor.empty() || options.targetCpu != "native")
      return {2, "--target-cpu and --spell-for are for CPUs; they do not go with --target " + options.target};
    if (!cpu::makeTargets("x86-64", "", targets, error))
      return {1, error};
    if (CompileResult result = planVersion(lowered); result.code)
      return result;
    if (options.stopAfter == CompileStage::Plan)
      return resultOf(writeFileAtomically(output, textOf(*lowered.plan), OutputKind::Text));
    if (!lower::emitDeviceModel(architectures, options.ptxas, lowered, error))
      return {1, error};
    if (CompileResult result = dumpDevice(); result.code)
      return result;
    if (options.stopAfter == CompileStage::Lower)
      return resultOf(writeFileAtomically(output, textOf(*lowered.module), OutputKind::Text));
    std::string manifest = link::makeManifest(module, lowered, targets, options);
    if (options.stopAfter == CompileStage::Emit)
      return writeLlvmIr();
    if (CompileResult result = emitVersion(0); result.code)
      return result;
    FailureOr<std::string> head = link::makeHead(module, lowered.facts);
    return failed(head) ? CompileResult{3, ""} : writeArtifact(manifest, *head);
  }

  /// --dump-stages: the host's code as it is lowered, and the text for each architecture.
  CompileResult dumpDevice() {
    if (options.dumpDirectory.empty())
      return {};
    if (CompileResult result = dump("lower.mlir", textOf(*lowered.module)); result.code)
      return result;
    for (const auto &[name, bytes] : lowered.images)
      if (auto [kind, architecture] = StringRef(name).split('.'); kind == "ptx")
        if (CompileResult result = dump((architecture + ".ptx").str().c_str(), bytes); result.code)
          return result;
    return {};
  }

  // All versions read the same weights, so they must agree on every byte of them.
  static bool sameWeights(const lower::LoweredModel &a, const lower::LoweredModel &b) {
    return a.facts.weightBytes == b.facts.weightBytes &&
           llvm::equal(a.weights(), b.weights(), [](plan::WeightOp x, plan::WeightOp y) {
             return x.getParams() == y.getParams() && x.getOffset() == y.getOffset() && x.getLayout() == y.getLayout();
           });
  }

  // The text of a plan is written for those who look into it alone.
  CompileResult planVersion(lower::LoweredModel &next) {
    CompileResult shown;
    lower::Machine machine = options.target == "cpu" ? lower::Machine::Cpu : lower::Machine::Cuda;
    auto show = [&](StringRef stage, ModuleOp planned) {
      if (!options.dumpDirectory.empty())
        shown = dump((stage + ".mlir").str().c_str(), textOf(planned));
      return success(!shown.code);
    };
    if (failed(lower::planModel(module, machine, next, show)))
      return shown.code ? shown : CompileResult{4, ""};
    return {};
  }

  CompileResult lowerVersion(const cpu::Target &target) {
    lower::LoweredModel next;
    if (CompileResult result = planVersion(next); result.code)
      return result;
    if (options.stopAfter == CompileStage::Plan) {
      lowered = std::move(next);
      return {};
    }
    if (&target != &targets.front() && !sameWeights(lowered, next))
      return {4, "--target-cpu: the code for '" + targets.front().shape.cpu + "' and for '" + target.shape.cpu +
                     "' would read weights in different layouts; compile an artifact for each"};
    lowered = std::move(next);
    if (failed(lower::emitModel(target, lowered)))
      return {1, ""};
    return dump("lower.mlir", options.dumpDirectory.empty() ? "" : textOf(*lowered.module));
  }

  CompileResult writeLlvmIr() {
    std::string llvmIr;
    llvm::SmallVector<char> object;
    if (CompileResult result = emitVersion(-1, llvmIr, object); result.code)
      return result;
    return resultOf(writeFileAtomically(output, llvmIr, OutputKind::Text));
  }

  CompileResult emitVersion(int version) {
    std::string llvmIr;
    return emitVersion(targets.size() > 1 ? version : -1, llvmIr, objects.emplace_back());
  }

  CompileResult emitVersion(int version, std::string &llvmIr, llvm::SmallVector<char> &object) {
    bool dumps = !options.dumpDirectory.empty();
    bool wantsText = dumps || options.stopAfter == CompileStage::Emit;
    std::string error, assembly;
    link::ObjectOptions objectOptions = {wantsText ? &llvmIr : nullptr, dumps ? &assembly : nullptr, version};
    if (!link::emitObject(lowered, targets[std::max(version, 0)], objectOptions, object, error))
      return {1, error};
    if (CompileResult result = dump("emit.ll", llvmIr); result.code)
      return result;
    return dump("emit.s", assembly);
  }

  /// One file of --dump-stages, if there are any.
  CompileResult dump(const char *name, llvm::StringRef text) {
    if (options.dumpDirectory.empty())
      return {};
    if (std::error_code code = llvm::sys::fs::create_directories(options.dumpDirectory))
      return {5, "cannot create '" + options.dumpDirectory + "': " + code.message()};
    return resultOf(writeFileAtomically(options.dumpDirectory + "/" + name, text, OutputKind::Text));
  }

  LogicalResult streamWeights(link::SectionAppender &appender, std::string &error) {
    uint64_t all = lowered.facts.weightBytes;
    LogicalResult ok =
        link::packWeights(lowered.weights(), reader, [&](int64_t offset, const std::vector<char> &bytes) {
          bool written = appender.padTo(offset, error) && appender.write(bytes.data(), bytes.size(), error);
          if (written && options.progress)
            options.progress(offset + bytes.size(), all);
          return success(written);
        });
    if (failed(ok))
      return failure();
    return success(appender.padTo(all, error));
  }

  CompileResult weightFailure(const std::string &error) {
    if (!error.empty())
      return {5, error};
    return {reader.errorCode() ? reader.errorCode() : 1, ""};
  }

  // The objects are ours and link; what can go wrong is the writing of files. They lie beside the output and are never
  // committed, so they go when this returns.
  CompileResult linkObjects(const std::string &library) {
    std::vector<AtomicFile> files;
    std::vector<std::string> names;
    std::string error;
    for (const llvm::SmallVector<char> &object : objects) {
      Result<AtomicFile> file = AtomicFile::create(output);
      if (!file)
        return {file.error().code, file.error().message};
      if (Result<void> written = file->write(object.data(), object.size()); !written)
        return resultOf(written);
      names.push_back(file->temporaryPath());
      files.push_back(file.take());
    }
    if (!link::linkSharedLibrary(names, library, error))
      return {5, "cannot write '" + output + "': " + error};
    return {};
  }

  // What the files need until the end: the objects, the library made of them, and the weights.
  uint64_t neededBytes() const {
    uint64_t code = 0;
    for (const llvm::SmallVector<char> &object : objects)
      code += object.size();
    return 2 * code + lowered.facts.weightBytes + options.tokenizer.size();
  }

  CompileResult writeArtifact(const std::string &manifest, const std::string &head) {
    Result<AtomicFile> library = AtomicFile::create(output);
    if (!library)
      return {library.error().code, library.error().message};
    if (Result<void> room = checkRoom(*library, output, neededBytes()); !room)
      return resultOf(room);
    if (CompileResult result = linkObjects(library->temporaryPath()); result.code)
      return result;
    // Beside the library itself, wherever links to it stand: there the runtime looks.
    std::string weightsTarget = library->targetPath() + ".weights";
    std::map<std::string, std::string> blobs = lowered.images;
    blobs["manifest"] = manifest;
    if (!options.tokenizer.empty())
      blobs["tokenizer"] = options.tokenizer;
    if (!options.chatTemplate.empty())
      blobs["chat_template"] = options.chatTemplate;
    if (!head.empty())
      blobs["head"] = head;
    if (options.splitWeights)
      blobs["weights_file"] = weightsTarget.substr(weightsTarget.rfind('/') + 1);
    std::string error;
    link::SectionAppender appender;
    if (!appender.open(library->temporaryPath(), error))
      return {5, error};
    uint64_t splitChecksum = 0;
    std::optional<AtomicFile> weights;
    if (options.splitWeights) {
      if (CompileResult result = writeSplitWeights(weightsTarget, *library, weights, splitChecksum); result.code)
        return result;
    } else {
      if (!appender.begin(".lmopt.weights", error))
        return {5, error};
      if (failed(streamWeights(appender, error)))
        return weightFailure(error);
      appender.end();
    }
    std::string meta = link::makeMeta(blobs);
    if (!appender.begin(".lmopt.meta", error) || !appender.write(meta.data(), meta.size(), error))
      return {5, error};
    appender.end();
    if (!appender.finish(splitChecksum, error))
      return {5, error};
    if (weights)
      if (Result<void> committed = weights->commit(); !committed)
        return resultOf(committed);
    return resultOf(library->commit());
  }

  // The weights alone, for those who ship them apart: weightBytes bytes and a trailer.
  CompileResult writeSplitWeights(const std::string &target, const AtomicFile &library, std::optional<AtomicFile> &file,
                                  uint64_t &checksum) {
    Result<AtomicFile> created = AtomicFile::create(target);
    if (!created)
      return {created.error().code, created.error().message};
    file.emplace(created.take());
    if (file->targetPath() == library.targetPath())
      return {2, target + ": leads to '" + output + "', where the library goes; remove the link"};
    std::string error;
    link::SectionAppender plain;
    if (!plain.open(file->temporaryPath(), error) || !plain.begin("", error))
      return {5, error};
    if (failed(streamWeights(plain, error)))
      return weightFailure(error);
    if (!plain.finishWeights(checksum, error))
      return {5, error};
    return {};
  }
};
} // namespace

CompileResult compileToArtifact(ModuleOp module, const CompileOptions &options, const std::string &output) {
  return Compiler(module, options, output).run();
}

} // namespace lmopt
