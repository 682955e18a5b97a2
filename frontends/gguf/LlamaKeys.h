// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table (FieldTable.h) of the metadata of a GGUF file of architecture `llama`: the namespaces general, llama, split
// and adapter; that of the tokenizer has its own reader. What it says was read off llama.cpp's loader and the Python
// package gguf (0.19). Tested by test/unit/frontends/FieldTablesTest.cpp and GgufLlamaTest.cpp.
#ifndef LMOPT_FRONTENDS_GGUF_LLAMAKEYS_H
#define LMOPT_FRONTENDS_GGUF_LLAMAKEYS_H

#include "files/gguf/Gguf.h"
#include "frontends/FieldTable.h"

namespace lmopt {

const FieldTable &ggufLlamaKeys();

/// All keys of a file against the table.
Result<void> checkGgufKeys(const GgufFile &file, const FieldTable &table, Warnings &warnings);

} // namespace lmopt

#endif // LMOPT_FRONTENDS_GGUF_LLAMAKEYS_H
