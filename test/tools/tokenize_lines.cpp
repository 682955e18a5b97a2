// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Development tool of test/tools/tokenizer_parity.py: builds a tokenizer from its file and tokenizes many texts.
//
//   tokenize-lines FILE [--max-length N] [--no-add] [--no-parse] [--blob OUT] < records > ids
// FILE: .gguf, or a directory with tokenizer.json or tokenizer.model. A record is a size (uint32, little endian) and so
// many bytes; the answer is a count (uint32) and so many ids (int32). --blob writes the blob as well.
#include "files/File.h"
#include "frontends/tokenizer/TokenizerBuilder.h"
#include "lmopt/tokenizer.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

using namespace lmopt;

static Result<std::string> build(const std::string &path, const TokenizerOptions &options) {
  if (!isDirectory(path)) {
    Result<GgufFile> file = GgufFile::open(path);
    if (!file)
      return file.error();
    return buildTokenizerFromGguf(*file, options);
  }
  bool isJson = fileExists(path + "/tokenizer.json");
  Result<std::string> text = readSmallFile(path + (isJson ? "/tokenizer.json" : "/tokenizer.model"), 128 << 20);
  if (!text)
    return text;
  std::string config;
  if (fileExists(path + "/tokenizer_config.json"))
    if (Result<std::string> read = readSmallFile(path + "/tokenizer_config.json", 16 << 20); read.ok())
      config = read.take();
  return isJson ? buildTokenizerFromJson(*text, config, options) : buildTokenizerFromModel(*text, config, options);
}

static int serve(const lmopt_tokenizer_t *tokenizer, uint32_t flags) {
  std::vector<char> text;
  std::vector<int32_t> ids(1 << 16);
  lmopt_error_t error;
  for (uint32_t size; fread(&size, sizeof(size), 1, stdin) == 1;) {
    text.resize(size);
    if (size && fread(text.data(), 1, size, stdin) != size)
      return 3;
    size_t count = 0;
    for (;;) {
      if (lmopt_tokenizer_encode(tokenizer, text.data(), size, flags, ids.data(), ids.size(), &count, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return error.status;
      }
      if (count <= ids.size())
        break;
      ids.resize(count);
    }
    uint32_t written = static_cast<uint32_t>(count);
    fwrite(&written, sizeof(written), 1, stdout);
    fwrite(ids.data(), sizeof(int32_t), count, stdout);
    fflush(stdout);
  }
  return 0;
}

int main(int argc, char **argv) {
  TokenizerOptions options;
  uint32_t flags = LMOPT_TOKENIZE_DEFAULT;
  std::string path, blobPath;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    if (argument == "--no-add")
      flags &= ~uint32_t(LMOPT_TOKENIZE_ADD_SPECIAL);
    else if (argument == "--no-parse")
      flags &= ~uint32_t(LMOPT_TOKENIZE_PARSE_SPECIAL);
    else if (argument == "--max-length" && i + 1 < argc)
      options.maxLength = static_cast<uint32_t>(atoi(argv[++i]));
    else if (argument == "--blob" && i + 1 < argc)
      blobPath = argv[++i];
    else
      path = argument;
  }
  Result<std::string> blob = build(path, options);
  if (!blob) {
    fprintf(stderr, "%s\n", blob.error().message.c_str());
    return blob.error().code;
  }
  if (!blobPath.empty()) {
    FILE *out = fopen(blobPath.c_str(), "wb");
    if (!out || fwrite(blob->data(), 1, blob->size(), out) != blob->size() || fclose(out))
      return 5;
  }
  lmopt_tokenizer_t *tokenizer = nullptr;
  lmopt_error_t error;
  if (lmopt_tokenizer_create(blob->data(), blob->size(), &tokenizer, &error)) {
    fprintf(stderr, "%s\n", error.message);
    return error.status;
  }
  int code = serve(tokenizer, flags);
  lmopt_tokenizer_destroy(tokenizer);
  return code;
}
