// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lower, emit, link; see Compile.h.
#include "codegen/Compile.h"

#include "codegen/link/EmitObject.h"
#include "codegen/link/LinkLibrary.h"
#include "codegen/link/Manifest.h"
#include "codegen/link/PackWeights.h"
#include "codegen/link/SectionAppender.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

#include <cerrno>
#include <cstring>
#include <deque>
#include <unistd.h>

using namespace mlir;

namespace lmopt {

namespace {

// A file that disappears unless it is committed: also when the process is interrupted.
class TemporaryFile {
public:
  TemporaryFile(const TemporaryFile &) = delete;
  explicit TemporaryFile(std::string name) : name(std::move(name)) { llvm::sys::RemoveFileOnSignal(this->name); }
  ~TemporaryFile() {
    if (!committed)
      ::unlink(name.c_str());
    llvm::sys::DontRemoveFileOnSignal(name);
  }
  bool commit(const std::string &target, std::string &error) {
    if (::rename(name.c_str(), target.c_str()) != 0) {
      error = "cannot rename '" + name + "' to '" + target + "': " + std::strerror(errno);
      return false;
    }
    committed = true;
    return true;
  }
  const std::string name;

private:
  bool committed = false;
};

bool writeFile(const std::string &path, llvm::StringRef bytes, std::string &error) {
  std::error_code code;
  llvm::raw_fd_ostream out(path, code);
  if (!code) {
    out << bytes;
    out.flush();
    code = out.error();
    out.clear_error();
  }
  if (code)
    error = "cannot write '" + path + "': " + code.message();
  return !code;
}

// Whether the disk under `path` has room for a file of this size. lld writes through a mapping, where a full disk is a
// bus error; so what can be known before is asked before.
bool hasRoom(const std::string &path, uint64_t bytes, std::string &error) {
  llvm::StringRef folder = llvm::sys::path::parent_path(path);
  llvm::ErrorOr<llvm::sys::fs::space_info> space = llvm::sys::fs::disk_space(folder.empty() ? "." : folder);
  if (!space || space->available >= bytes)
    return true;
  error = "cannot write '" + path + "': it needs " + std::to_string(bytes) + " bytes, but the disk has " +
          std::to_string(space->available);
  return false;
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
    if (!cpu::makeTargets(options.targetCpu, targets, error))
      return {2, "--target-cpu: " + error};
    if (targets.size() > 1 && (options.stopAfter != CompileStage::Link || !options.dumpDirectory.empty()))
      return {2, "--stop-after and --dump-stages show the code for one CPU; give --target-cpu one name"};
    std::string manifest;
    for (size_t version = 0; version < targets.size(); ++version) {
      if (CompileResult result = lowerVersion(targets[version]); result.code)
        return result;
      manifest = link::makeManifest(module, lowered, targets, options); // the last one stays
      if (options.stopAfter == CompileStage::Lower)
        return writeResult(textOf(*lowered.module));
      if (options.stopAfter == CompileStage::Emit)
        return writeLlvmIr();
      if (CompileResult result = emitVersion(int(version)); result.code)
        return result;
    }
    if (targets.size() > 1 && !link::emitDispatch(targets, lowered.plan.weightBytes, objects.emplace_back(), error))
      return {1, error};
    return writeArtifact(manifest);
  }

private:
  ModuleOp module;
  const CompileOptions &options;
  const std::string &output;
  lm::WeightReader reader;
  std::vector<cpu::Target> targets; ///< one for each version of the code, the least demanding first
  lower::LoweredModel lowered;      ///< the version at work
  std::vector<llvm::SmallVector<char>> objects;

  // Beside the output: a rename must not cross file systems.
  std::string temporaryName(const char *suffix) const {
    return output + ".lmopt-" + std::to_string(::getpid()) + suffix;
  }

  // All versions read the same weights, so they must agree on every byte of them.
  static bool sameWeights(const lower::Plan &a, const lower::Plan &b) {
    return a.weightBytes == b.weightBytes &&
           llvm::equal(a.weights, b.weights, [](const lower::PackedWeight &x, const lower::PackedWeight &y) {
             return x.kind == y.kind && x.offset == y.offset && x.bytes == y.bytes &&
                    x.linear.format == y.linear.format;
           });
  }

  CompileResult lowerVersion(const cpu::Target &target) {
    lower::LoweredModel next;
    bool unsupported = false;
    if (failed(lower::lowerModel(module, target, next, unsupported)))
      return {unsupported ? 4 : 1, ""};
    if (&target != &targets.front() && !sameWeights(lowered.plan, next.plan))
      return {4, "--target-cpu: the code for '" + targets.front().cpu + "' and for '" + target.cpu +
                     "' would read weights in different layouts; compile an artifact for each"};
    lowered = std::move(next);
    return dumpLowered();
  }

  CompileResult writeLlvmIr() {
    TemporaryFile file(temporaryName(".ll"));
    link::ObjectOptions objectOptions = dumpOptions();
    objectOptions.llvmIrFile = file.name;
    llvm::SmallVector<char> object;
    std::string error;
    if (!link::emitObject(lowered, targets.front(), objectOptions, object, error))
      return {1, error};
    return file.commit(output, error) ? CompileResult() : CompileResult{5, error};
  }

  link::ObjectOptions dumpOptions() const {
    if (options.dumpDirectory.empty())
      return {};
    return {options.dumpDirectory + "/emit.ll", options.dumpDirectory + "/emit.s"};
  }

  CompileResult emitVersion(int version) {
    link::ObjectOptions objectOptions = dumpOptions();
    objectOptions.version = targets.size() > 1 ? version : -1;
    std::string error;
    if (!link::emitObject(lowered, targets[version], objectOptions, objects.emplace_back(), error))
      return {1, error};
    return {};
  }

  CompileResult dumpLowered() {
    std::string error;
    if (options.dumpDirectory.empty())
      return {};
    if (std::error_code code = llvm::sys::fs::create_directories(options.dumpDirectory))
      return {5, "cannot create '" + options.dumpDirectory + "': " + code.message()};
    if (!writeFile(options.dumpDirectory + "/lower.mlir", textOf(*lowered.module), error))
      return {5, error};
    return {};
  }

  CompileResult writeResult(const std::string &text) {
    TemporaryFile file(temporaryName(".tmp"));
    std::string error;
    if (!writeFile(file.name, text, error) || !file.commit(output, error))
      return {5, error};
    return {};
  }

  LogicalResult streamWeights(link::SectionAppender &appender, std::string &error) {
    const lower::Plan &plan = lowered.plan;
    LogicalResult ok = link::packWeights(plan, reader, [&](int64_t offset, const std::vector<char> &bytes) {
      bool written = appender.padTo(offset, error) && appender.write(bytes.data(), bytes.size(), error);
      if (written && options.progress)
        options.progress(offset + bytes.size(), plan.weightBytes);
      return success(written);
    });
    if (failed(ok))
      return failure();
    return success(appender.padTo(plan.weightBytes, error));
  }

  CompileResult weightFailure(const std::string &error) {
    if (!error.empty())
      return {5, error};
    return {reader.errorCode() ? reader.errorCode() : 1, ""};
  }

  // The objects are ours and link; what can go wrong is the writing of files.
  CompileResult linkObjects(const std::string &library) {
    std::deque<TemporaryFile> files;
    std::vector<std::string> names;
    std::string error;
    for (const llvm::SmallVector<char> &object : objects) {
      std::string suffix = objects.size() > 1 ? "." + std::to_string(names.size()) + ".o" : ".o";
      names.push_back(files.emplace_back(temporaryName(suffix.c_str())).name);
      if (!writeFile(names.back(), llvm::StringRef(object.data(), object.size()), error))
        return {5, error};
    }
    if (!link::linkSharedLibrary(names, library, error))
      return {5, "cannot write '" + library + "': " + error};
    return {};
  }

  // What the files need until the end: the objects, the library made of them, and the weights.
  uint64_t neededBytes() const {
    uint64_t code = 0;
    for (const llvm::SmallVector<char> &object : objects)
      code += object.size();
    return 2 * code + lowered.plan.weightBytes + options.tokenizer.size();
  }

  CompileResult writeArtifact(const std::string &manifest) {
    std::string error;
    if (!hasRoom(output, neededBytes(), error))
      return {5, error};
    TemporaryFile library(temporaryName(".tmp")), weights(temporaryName(".weights"));
    if (CompileResult result = linkObjects(library.name); result.code)
      return result;
    std::map<std::string, std::string> blobs = {{"manifest", manifest}};
    if (!options.tokenizer.empty())
      blobs["tokenizer"] = options.tokenizer;
    if (!options.chatTemplate.empty())
      blobs["chat_template"] = options.chatTemplate;
    std::string weightsTarget = output + ".weights";
    if (options.splitWeights)
      blobs["weights_file"] = weightsTarget.substr(weightsTarget.rfind('/') + 1);
    link::SectionAppender appender;
    if (!appender.open(library.name, error))
      return {5, error};
    uint64_t splitChecksum = 0;
    if (options.splitWeights) {
      if (CompileResult result = writeSplitWeights(weights, splitChecksum); result.code)
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
    if (options.splitWeights && !weights.commit(weightsTarget, error))
      return {5, error};
    if (!library.commit(output, error))
      return {5, error};
    return {};
  }

  // The weights alone, for those who ship them apart: weightBytes bytes and a trailer.
  CompileResult writeSplitWeights(const TemporaryFile &file, uint64_t &checksum) {
    std::string error;
    link::SectionAppender plain;
    if (!writeFile(file.name, "", error) || !plain.open(file.name, error) || !plain.begin("", error))
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
