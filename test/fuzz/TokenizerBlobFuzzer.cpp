// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fuzz-tokenizer-blob: the last line of the input is a text, what stands before it a tokenizer blob. A blob that opens
// must encode and decode the text, and be cut to what the text needs, or be refused.
#include "frontends/tokenizer/ShortList.h"
#include "test/fuzz/TokenizerUse.h"

/// What is written is a tokenizer that opens: writeTokenizerBlob has asked the runtime.
static void shorten(const std::string &blob, std::string_view text) {
  lmopt::Result<lmopt::ShortList> list = lmopt::ShortList::create(blob, "fuzz");
  if (!list.ok() || !list->addText(text).ok())
    return;
  if (lmopt::Result<std::string> written = list->writeTokenizer(); written.ok())
    lmopt::fuzz::useTokenizer(*written, text);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view input(reinterpret_cast<const char *>(data), size);
  size_t line = input.rfind('\n');
  std::string_view text = line == std::string_view::npos ? std::string_view() : input.substr(line + 1);
  std::string blob(input.substr(0, size - text.size() - (line != std::string_view::npos)));
  lmopt::fuzz::useTokenizer(blob, text);
  shorten(blob, text);
  return 0;
}
